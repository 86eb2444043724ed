"""Draws the things that stand still: trees, lamps, signs, traffic lights, cones, blocks, bridges."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np

from segcore.data.drive.camera import Points, Vector, f32, facing, on_ground, u8
from segcore.data.drive.canvas import SHADED, SUN, SUNLIT, Canvas
from segcore.data.drive.textures import ID, Texture, leaves, texture
from segcore.data.drive.world import LEFT_WALL, RIGHT_WALL

GREENS = ((92, 122, 52), (78, 112, 56), (112, 130, 54))
BARK = (96, 78, 62)
STEEL = (112, 118, 120)


@lru_cache(maxsize=1)
def crowns(seed: int, label: str) -> tuple[Texture, ...]:
    """A few tree crowns or bushes to choose from."""
    rng = np.random.default_rng([seed, 41, ID[label]])
    return tuple(leaves(rng, 416 if label == "Tree" else 192, color, ID[label]) for color in GREENS)


@lru_cache(maxsize=1)
def bushes(seed: int) -> tuple[Texture, ...]:
    """Low plants in front of the houses."""
    rng = np.random.default_rng([seed, 42])
    colors = ((64, 128, 60), (92, 140, 66), (70, 112, 78))
    return tuple(leaves(rng, 192, color, ID["VegetationMisc"], hedge=True) for color in colors)


def _tree_shape(variant: int) -> tuple[np.random.Generator, float, float]:
    rng = np.random.default_rng(variant)
    return rng, rng.uniform(2.6, 3.3), rng.uniform(3.8, 5.2)


def _trunk(x: float, z: float, variant: int) -> tuple[Points, np.ndarray]:
    rng, fork, crown = _tree_shape(variant)
    lean = rng.uniform(-0.12, 0.12)
    ends = [((x, 0.0, z), (x + lean, fork, z))]
    radii = [(0.2, 0.14)]
    for angle in rng.uniform(-0.9, 0.9, 4):
        tip = (x + lean + math.sin(angle) * crown * 0.36, fork + math.cos(angle) * crown * 0.42, z)
        ends.append(((x + lean, fork - 0.2, z), tip))
        radii.append((0.1, 0.04))
    return f32(ends), f32(radii)


def tree(canvas: Canvas, seed: int, x: float, z: float, variant: int, lit: bool) -> None:
    """Trunk, branches and three overlapping crowns."""
    ends, radii = _trunk(x, z, variant)
    canvas.capsules(ends, radii, f32([BARK] * len(ends)), ID["Tree"], lit)
    rng, fork, crown = _tree_shape(variant)
    pick = crowns(seed, "Tree")
    kind = int(rng.integers(len(pick)))
    for dx, dy, share in ((rng.uniform(-0.5, -0.3), 0.1, 0.75), (rng.uniform(0.3, 0.5), 0.0, 0.75), (0.0, 0.25, 1.0)):
        width = crown * share * rng.uniform(0.95, 1.1)
        crown_texture = pick[(kind + int(dx > 0)) % len(pick)]
        canvas.billboard(crown_texture, (x + dx * 1.6, fork - 0.9 + dy * 2, z), width, width * 0.98)


def tree_shadow(canvas: Canvas, seed: int, x: float, z: float, variant: int) -> None:
    """Dapples: the crown's clusters and the trunk on the ground."""
    rng, fork, crown = _tree_shape(variant)
    ends, radii = _trunk(x, z, variant)
    canvas.capsule_shadows(ends[:1], radii[:1], 130)
    alpha = u8(cv2.extractChannel(crowns(seed, "Tree")[int(rng.integers(len(GREENS)))].level(2, 2)[0], 3))
    height, half = fork + crown * 0.35, crown * 0.56
    middle_x, middle_z = x + SUN[0] * height / -SUN[1], z + SUN[2] * height / -SUN[1]
    sides = ((-half, half * 1.5), (half, half * 1.5), (half, -half * 1.5), (-half, -half * 1.5))
    canvas.shade_texture(alpha, f32([(middle_x + dx, 0, middle_z + dz) for dx, dz in sides]), 130)


def bush(canvas: Canvas, seed: int, x: float, z: float, variant: int, lit: bool) -> None:
    """A bush in a stone planter."""
    light = SUNLIT if lit else SHADED
    block(canvas, x, z, (0.5, 0.42, 0.5), (176, 140, 116), ID["VegetationMisc"], light)
    pick = bushes(seed)
    canvas.billboard(pick[variant % len(pick)], (x, 0.3, z - 0.2), 1.5, 1.35)


def pole(
    canvas: Canvas, x: float, z: float, height: float, radius: float, lit: bool, color: tuple[float, ...] = STEEL
) -> None:
    """An upright post with a base."""
    ends = f32([[(x, 0.0, z), (x, height, z)], [(x, 0.0, z), (x, 0.7, z)]])
    radii = f32([[radius, radius * 0.8], [radius * 1.5, radius * 1.5]])
    canvas.capsules(ends, radii, f32([color, color]), ID["Column_Pole"], lit)


def pole_shadow(canvas: Canvas, x: float, z: float, height: float, radius: float) -> None:
    """A long thin shadow across the street."""
    canvas.capsule_shadows(f32([[(x, 0.0, z), (x, height, z)]]), f32([[radius, radius]]))


def lamp(canvas: Canvas, x: float, z: float, lit: bool) -> None:
    """A street lamp with an arm over the road."""
    side = 1.0 if x < 0 else -1.0
    pole(canvas, x, z, 6.2, 0.1, lit, (70, 78, 76))
    ends = f32([[(x, 6.2, z), (x + side * 0.5, 6.65, z)], [(x + side * 0.5, 6.65, z), (x + side * 1.5, 6.75, z)]])
    canvas.capsules(ends, f32([[0.07, 0.06], [0.06, 0.1]]), f32([(70, 78, 76)] * 2), ID["Column_Pole"], lit)
    head = f32([[(x + side * 1.4, 6.72, z), (x + side * 2.0, 6.72, z)]])
    canvas.capsules(head, f32([[0.13, 0.15]]), f32([(214, 214, 206)]), ID["Column_Pole"], lit)


_ROUND = np.linspace(0, 2 * math.pi, 24, endpoint=False)


def _disc(canvas: Canvas, x: float, y: float, z: float, radius: float, color: np.ndarray, label: int) -> None:
    points = np.stack([x + radius * np.cos(_ROUND), y + radius * np.sin(_ROUND), np.full(24, z)], axis=1)
    canvas.polygon(f32(points), color, label)


def sign(canvas: Canvas, x: float, z: float, variant: int, lit: bool) -> None:
    """A traffic sign on its post: limit, warning, blue order, parking, no entry."""
    light, label, kind = SUNLIT if lit else SHADED, ID["SignSymbol"], variant % 5
    pole(canvas, x, z, 3.0, 0.055, lit)
    red, white, blue, ink = (f32(c) * light for c in ((206, 26, 36), (244, 244, 240), (26, 84, 176), (26, 26, 28)))
    y, front = 2.65, z - 0.08

    def shape(points: list[tuple[float, float]], color: np.ndarray) -> None:
        canvas.polygon(f32([(x + dx, y + dy, front) for dx, dy in points]), color, label)

    if kind == 0:
        _disc(canvas, x, y, front, 0.45, red, label)
        _disc(canvas, x, y, front, 0.34, white, label)
        bars = [(-0.2, y, -0.03, y + 0.06) for y in (-0.17, -0.03, 0.11)] + [(-0.08, -0.17, -0.03, 0.17)]  # a 3
        # and a 0
        bars += [(0.03, y, 0.2, y + 0.06) for y in (-0.17, 0.11)] + [(x, -0.17, x + 0.05, 0.17) for x in (0.03, 0.15)]
        for left, low, right, high in bars:
            shape([(left, low), (right, low), (right, high), (left, high)], ink)
    elif kind == 1:
        shape([(-0.54, -0.4), (0.54, -0.4), (0, 0.54)], red)
        shape([(-0.36, -0.3), (0.36, -0.3), (0, 0.32)], white)
        shape([(-0.05, -0.24), (0.05, -0.24), (0.05, 0.12), (-0.05, 0.12)], ink)
    elif kind == 2:
        _disc(canvas, x, y, front, 0.45, blue, label)
        shape([(-0.06, -0.3), (0.06, -0.3), (0.06, 0.1), (-0.06, 0.1)], white)
        shape([(-0.2, 0.05), (0.2, 0.05), (0, 0.32)], white)
    elif kind == 3:
        shape([(-0.42, -0.5), (0.42, -0.5), (0.42, 0.5), (-0.42, 0.5)], white)
        shape([(-0.38, -0.46), (0.38, -0.46), (0.38, 0.46), (-0.38, 0.46)], blue)
        shape([(-0.2, -0.32), (-0.08, -0.32), (-0.08, 0.32), (-0.2, 0.32)], white)
        _disc(canvas, x + 0.02, y + 0.14, front, 0.19, white, label)
        _disc(canvas, x + 0.02, y + 0.14, front, 0.09, blue, label)
    else:
        _disc(canvas, x, y, front, 0.46, white, label)
        _disc(canvas, x, y, front, 0.43, red, label)
        shape([(-0.3, -0.08), (0.3, -0.08), (0.3, 0.08), (-0.3, 0.08)], white)


def traffic_light(canvas: Canvas, x: float, z: float, lit: bool) -> None:
    """Three lights in a black housing with a pale-edged board, at green."""
    pole(canvas, x, z, 2.5, 0.08, lit, (60, 64, 64))
    light, label, front = SUNLIT if lit else SHADED, ID["TrafficLight"], z - 0.1
    for half, low, high, color in (
        (0.36, 2.35, 3.8, (232, 230, 222)),
        (0.32, 2.4, 3.75, (24, 26, 26)),
        (0.2, 2.5, 3.65, (44, 46, 46)),
    ):
        canvas.polygon(facing(x - half, low, x + half, high, front), f32(color) * light, label)
    for y, color in ((3.42, (92, 26, 24)), (3.07, (96, 70, 20)), (2.72, (70, 255, 190))):
        _disc(canvas, x, y, front, 0.15, f32(color), label)
    _disc(canvas, x, 2.74, front, 0.08, f32((214, 255, 240)), label)


def cone(canvas: Canvas, x: float, z: float, lit: bool) -> None:
    """A traffic cone with two white bands."""
    label, light = ID["TrafficCone"], SUNLIT if lit else SHADED
    block(canvas, x, z, (0.24, 0.06, 0.24), (44, 42, 42), label, light)
    orange, white = f32((236, 84, 22)) * light, f32((240, 240, 236)) * light
    rings = ((0.06, orange), (0.28, white), (0.42, orange), (0.56, white), (0.66, orange), (0.8, orange))
    near = canvas.scale((x, 0, z)) > 25
    # Rounded by light.
    shades = ((-1.0, 1.0, 0.74), (-0.45, 1.0, 0.9), (0.1, 0.8, 1.06)) if near else ((-1.0, 1.0, 0.94),)
    for (low, color), (high, _) in pairwise(rings):
        wide, narrow = 0.19 * (1 - low / 0.94), 0.19 * (1 - high / 0.94)
        for left, right, factor in shades:
            corners = [(left * wide, low), (right * wide, low), (right * narrow, high), (left * narrow, high)]
            canvas.polygon(f32([(x + dx, dy, z) for dx, dy in corners]), color * factor, label)


def block(
    canvas: Canvas, x: float, z: float, size: Vector, color: tuple[float, ...], label: int, light: np.ndarray
) -> None:
    """A box: half-width, height, half-length; front, top and the side that faces the camera."""
    half, height, deep = size
    left, right, near, far = x - half, x + half, z - deep, z + deep
    side = left if canvas.camera.x < left else right
    base = f32(color) * light
    for points, factor in (
        ([(left, height, near), (right, height, near), (right, height, far), (left, height, far)], 1.12),
        ([(side, 0, near), (side, height, near), (side, height, far), (side, 0, far)], 0.78 if side == left else 0.95),
        ([(left, 0, near), (right, 0, near), (right, height, near), (left, height, near)], 0.86),
    ):
        canvas.polygon(f32(points), base * factor, label)


def parking_block(canvas: Canvas, x: float, z: float, lit: bool) -> None:
    """A concrete barrier block with a painted stripe."""
    light = SUNLIT if lit else SHADED
    block(canvas, x, z, (0.3, 0.55, 0.85), (204, 198, 182), ID["ParkingBlock"], light)
    side = x - 0.31 if canvas.camera.x < x else x + 0.31
    for dz in (-0.6, -0.1, 0.4):
        stripe = [(side, y, z + dz + shift) for y, shift in ((0.12, 0.0), (0.12, 0.2), (0.44, 0.34), (0.44, 0.14))]
        canvas.polygon(f32(stripe), f32((224, 178, 40)) * light * 0.85, ID["ParkingBlock"])


RAILING = 5.0  # metres


@lru_cache(maxsize=2)
def _bars(lit: bool) -> Texture:
    """Pedestrian guard rails, 40 pixels a metre; what is seen between the bars counts as fence, as in CamVid."""
    rows, columns = 46, int(RAILING * 40)
    x = np.arange(columns)
    alpha = np.zeros((rows, columns), np.float32)
    alpha[:, x % 6 < 2] = 1
    alpha[:4] = alpha[38:41] = 1
    alpha[:, x % 66 < 4] = 1
    rgb = np.ones((rows, columns, 1), np.float32) * f32((58, 70, 66))
    rgb[:, x % 6 == 1] *= 1.5
    rgb[:2] *= 1.6
    return texture(rgb, ID["Fence"], alpha, light=SUNLIT if lit else SHADED)


def railing(canvas: Canvas, x: float, z: float, lit: bool) -> None:
    """Guard rails along the kerb, `RAILING` metres from `z` on."""
    near = max(z, canvas.camera.z + 1.5)
    if z + RAILING - near < 0.3:
        return
    corners = f32([(x, 1.15, near), (x, 1.15, z + RAILING), (x, 0, z + RAILING), (x, 0, near)])
    left = (near - z) * 40
    canvas.warp(_bars(lit), f32([(left, 0), (200, 0), (200, 46), (left, 46)]), corners)


def railing_shadow(canvas: Canvas, x: float, z: float) -> None:
    """Thin stripes of shade beside the rails."""
    posts = np.arange(z, z + RAILING, 0.3)
    ends = [((x, 0.0, at), (x, 1.1, at)) for at in posts] + [((x, 1.1, z), (x, 1.1, z + RAILING))]
    canvas.capsule_shadows(f32(ends), np.full((len(ends), 2), 0.03, np.float32))


def post_box(canvas: Canvas, x: float, z: float, lit: bool) -> None:
    """A red pillar box: a thing with no class of its own (Void)."""
    red = (196, 26, 30)
    ends = f32([[(x, 0.1, z), (x, 1.25, z)], [(x, 1.3, z), (x, 1.4, z)], [(x, 0.0, z), (x, 0.12, z)]])
    radii = f32([[0.26, 0.26], [0.3, 0.22], [0.3, 0.28]])
    canvas.capsules(ends, radii, f32([red, red, (30, 30, 32)]), ID["Void"], lit)


def bridge(canvas: Canvas, z: float) -> None:
    """A footbridge of steel and stone over the street, from house to house."""
    label, left, right, low, high, deep = ID["Bridge"], LEFT_WALL - 2, RIGHT_WALL + 2, 6.0, 7.3, 3.5
    under = [(left, low, z), (right, low, z), (right, low, z + deep), (left, low, z + deep)]
    canvas.polygon(f32(under), f32((58, 60, 64)), label)

    def face(x0: float, y0: float, x1: float, y1: float, color: tuple[float, ...]) -> None:
        canvas.polygon(facing(x0, y0, x1, y1, z), f32(color) * SUNLIT, label)

    face(left, low, right, high, (74, 98, 92))
    face(left, low, right, low + 0.16, (52, 70, 66))
    face(left, low + 0.2, right, low + 0.28, (104, 130, 122))
    face(left, high - 0.14, right, high, (120, 146, 138))
    for x in np.arange(left, right, 1.2):
        face(x, low + 0.28, x + 0.1, high - 0.14, (56, 76, 72))
    rail = high + 1.1
    for x in np.arange(left, right, 0.6):
        face(x, high, x + 0.06, rail, (56, 76, 72))
    face(left, rail - 0.08, right, rail, (92, 118, 110))


def bridge_shadow(canvas: Canvas, z: float) -> None:
    """The band of shade under and ahead of a bridge."""
    reach = 7.3 * SUN / -SUN[1]
    near, far = z + reach[2] * 6 / 7.3, z + 3.5 + reach[2]
    canvas.shade_polygon(on_ground(-12, near, 14, far), 150)
