"""Draws cars, lofted from cross-sections, and buses and lorries as textured boxes."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from segcore.arrays import F32
from segcore.data.drive.camera import NEAR, Place, Points, f32, facing, on_ground
from segcore.data.drive.canvas import SHADED, SUN, SUNLIT, TO_SUN, Canvas
from segcore.data.drive.textures import ID, Texture, letter, noise, texture

PAINTS = (
    (172, 26, 30), (28, 62, 128), (206, 208, 210), (52, 56, 62), (236, 236, 232), (22, 24, 28), (30, 96, 76),
    (196, 148, 40), (122, 136, 148), (108, 28, 48), (84, 138, 178),
)  # fmt: skip
GLASS, RUBBER, CHROME = (40, 50, 60), (26, 26, 28), (196, 200, 204)

# Stations along a car, rear to front: along, sill, belt and top height, half-width at the belt and at the top (metres);
# then what the strip up to the next station is made of: side window glass?, top glass?
_CAR = (
    (0.00, 0.42, 0.80, 0.86, 0.70, 0.66, 0, 0),
    (0.06, 0.30, 0.92, 1.00, 0.82, 0.74, 0, 1),
    (0.40, 0.24, 0.96, 1.38, 0.87, 0.62, 1, 0),
    (0.95, 0.22, 0.95, 1.46, 0.88, 0.62, 1, 0),
    (1.42, 0.22, 0.94, 1.47, 0.88, 0.62, 0, 0),
    (1.52, 0.22, 0.94, 1.47, 0.88, 0.62, 1, 0),
    (1.90, 0.22, 0.93, 1.46, 0.88, 0.62, 1, 0),
    (2.35, 0.22, 0.92, 1.38, 0.88, 0.63, 0, 1),
    (3.15, 0.23, 0.90, 0.97, 0.87, 0.74, 0, 0),
    (3.85, 0.26, 0.78, 0.84, 0.82, 0.66, 0, 0),
    (4.10, 0.38, 0.64, 0.68, 0.68, 0.52, 0, 0),
)
_SUV = (
    (0.00, 0.50, 0.98, 1.06, 0.84, 0.82, 0, 0),
    (0.05, 0.40, 1.06, 1.16, 0.93, 0.88, 0, 1),
    (0.22, 0.38, 1.10, 1.76, 0.95, 0.78, 1, 0),
    (0.80, 0.36, 1.10, 1.86, 0.95, 0.78, 1, 0),
    (1.55, 0.36, 1.10, 1.86, 0.95, 0.78, 0, 0),
    (1.65, 0.36, 1.10, 1.86, 0.95, 0.78, 1, 0),
    (2.30, 0.36, 1.10, 1.86, 0.95, 0.78, 1, 0),
    (2.80, 0.36, 1.10, 1.76, 0.95, 0.78, 0, 1),
    (3.25, 0.37, 1.10, 1.18, 0.95, 0.86, 0, 0),
    (4.20, 0.40, 1.02, 1.10, 0.93, 0.84, 0, 0),
    (4.45, 0.48, 0.92, 0.98, 0.84, 0.78, 0, 0),
)
_FINE = 3  # each strip is cut into so many along a near car


@lru_cache(maxsize=8)
def _body(kind: str, fine: int) -> tuple[Points, F32, F32]:
    """Quads `[N, 4, 3]` around the middle of the rear axle line, outward normals `[N, 3]`, glass share `[N]`."""
    rows = f32(_SUV if kind == "suv" else _CAR)
    places = np.linspace(0, len(rows) - 1, (len(rows) - 1) * fine + 1)
    stations = np.stack([np.interp(places, np.arange(len(rows)), column) for column in rows[:, :6].T], axis=1)
    owner = np.minimum((places + 1e-6).astype(int), len(rows) - 2)
    if fine > 1:  # round the corners between stations
        padded = np.pad(stations[:, 1:], ((1, 1), (0, 0)), mode="edge")
        stations[:, 1:] = 0.3 * padded[:-2] + 0.4 * padded[1:-1] + 0.3 * padded[2:]
    along, sill, belt, top, half, roof = stations.T
    middle = (sill + belt) / 2 + 0.06
    ring = np.stack(
        [
            np.stack([half * 0.93, sill], 1),
            np.stack([half * 1.0, middle - 0.12], 1),
            np.stack([half * 1.015, middle + 0.08], 1),
            np.stack([half * 0.985, belt], 1),
            np.stack([roof * 1.02, belt + (top - belt) * 0.86], 1),
            np.stack([roof * 0.86, top - 0.012], 1),
            np.stack([roof * 0.0, top + 0.02], 1),
        ],
        axis=1,
    )  # [stations, 7, (x, y)]
    right = np.concatenate([ring, np.broadcast_to(along[:, None, None], (*ring.shape[:2], 1))], axis=2)
    quads, glass = [], []
    for s in range(len(along) - 1):
        side_glass, top_glass = rows[owner[s], 6], rows[owner[s], 7]
        for r in range(6):
            a, b, c, d = right[s, r], right[s + 1, r], right[s + 1, r + 1], right[s, r + 1]
            quads.append((a, d, c, b))
            see_through = side_glass if r == 3 else (top_glass if r >= 5 else 0)
            glass += [see_through, see_through]
            quads.append(tuple(corner * f32([-1, 1, 1]) for corner in (a, b, c, d)))
    for s, order in ((0, 1), (len(along) - 1, -1)):
        for r in range(6):
            a, b = right[s, r], right[s, r + 1]
            flip = f32([-1, 1, 1])
            quads.append((a * flip, b * flip, b, a)[::order])
            glass.append(0.0)
    faces = f32(quads)
    normal = np.cross(faces[:, 2] - faces[:, 0], faces[:, 3] - faces[:, 1])
    middle_point = f32([0, 0.7, along[-1] / 2])
    outward = faces.mean(axis=1) - middle_point
    normal *= np.sign((normal * outward).sum(axis=1, keepdims=True) + 1e-9)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    return faces, normal.astype(np.float32), f32(glass)


def car(canvas: Canvas, place: Place, kind: str, paint: int, *, away: bool, lit: bool, braking: bool = False) -> None:
    """A car or SUV whose middle is at `place` (x, z), driving away from the camera or towards it."""
    near = canvas.scale((place[0], 0, place[1])) > 45
    faces, normals, glass = _body(kind, _FINE if near else 1)
    length, sign = float(faces[..., 2].max()), 1.0 if away else -1.0
    origin = f32([place[0], 0, place[1] - sign * length / 2])
    turn = f32([sign, 1, sign])
    placed, outward = faces * turn + origin, normals * turn
    color = f32(PAINTS[paint % len(PAINTS)])
    light = SUNLIT if lit else SHADED
    direct = np.clip(outward @ TO_SUN, 0, 1)[:, None] * (1.0 if lit else 0.18)
    upward = outward[:, 1:2]
    paint_color = color * (0.56 + 0.12 * upward + 0.5 * direct) * light
    gloss = np.clip(upward * 0.5 + 0.22, 0, 1) ** 2 * (0.42 if lit else 0.3) + direct**6 * 0.35
    paint_color = paint_color * (1 - gloss) + f32([206, 216, 228]) * gloss
    low = (placed[..., 1].mean(axis=1) < (0.46 if kind == "car" else 0.62))[:, None]
    paint_color = np.where(low, paint_color * 0.62, paint_color)
    height = placed[..., 1].mean(axis=1, keepdims=True)
    reflect = np.clip(0.02 + 0.42 * upward**2 + 0.3 * (height - 1.0), 0, 0.7)
    glass_color = f32(GLASS) * light + f32([150, 172, 196]) * reflect
    colors = np.clip(np.where(glass[:, None] > 0.5, glass_color, paint_color), 0, 255)
    label = ID["Car"] if kind == "car" else ID["SUVPickupTruck"]
    radius = 0.31 if kind == "car" else 0.39
    axles, (inner, outer) = (0.72, length - 0.78), (0.80, 0.875) if kind == "car" else (0.88, 0.94)
    _wheels(canvas, origin, sign, axles, inner, radius, label, light)
    canvas.mesh(placed, outward, colors.astype(np.float32), label)
    _wheels(canvas, origin, sign, axles, outer, radius, label, light, outer=True)
    _end_details(canvas, place, kind, length, away, label, light, braking)


def _wheels(
    canvas: Canvas, origin: F32, sign: float, axles: tuple[float, float], half: float, radius: float, label: int,
    light: F32, *, outer: bool = False,
) -> None:  # fmt: skip
    """Tyres; `outer` draws the visible discs with rims on the side that faces the camera."""
    angles = np.linspace(0, 2 * np.pi, 18, endpoint=False)
    circle = np.stack([np.zeros(18), np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)
    for along in axles:
        for side in (-1.0, 1.0):
            center = origin + f32([side * half, radius, sign * along])
            if not outer:
                both = np.concatenate([center + circle * radius, center + circle * radius - f32([side * 0.2, 0, 0])])
                pixels, depth = canvas.camera.project(both)
                if depth.min() > NEAR:
                    haze = canvas.haze(float(depth.mean()))
                    canvas.fill(f32(cv2.convexHull(pixels)[:, 0]), f32(RUBBER) * light, label, haze)
            elif (canvas.camera.x - center[0]) * side > 0:
                for share, color in ((1.16, (20, 20, 22)), (1.0, RUBBER), (0.66, (150, 152, 156)), (0.2, (70, 72, 76))):
                    canvas.polygon(center + circle * radius * share * f32([1, 1, 1]), f32(color) * light, label)


def _end_details(
    canvas: Canvas, place: Place, kind: str, length: float, away: bool, label: int, light: F32, braking: bool
) -> None:
    """Lamps, number plate, grille and bumper on the end that faces the camera."""
    x, z = place[0], place[1] - length / 2 - 0.03
    wide, lamp_y, plate_y = (0.66, 0.72, 0.55) if kind == "car" else (0.8, 0.86, 0.66)
    if not away:
        wide, lamp_y = wide - 0.1, lamp_y - 0.14

    def panel(left: float, low: float, right: float, high: float, color: tuple[float, ...], glow: float = 0.0) -> None:
        value = f32(color) * (light * (1 - glow) + glow)
        canvas.polygon(facing(left, low, right, high, z), value, label)

    if away:
        panel(x - wide, plate_y - 0.2, x + wide, plate_y - 0.1, (40, 40, 42))
        red = (236, 40, 34) if braking else (168, 24, 26)
        for side in (-1, 1):
            inner, outer = sorted((x + side * (wide - 0.14), x + side * (wide + 0.03)))
            panel(inner, lamp_y, outer, lamp_y + 0.26, red, 0.9 if braking else 0.3)
            panel(inner, lamp_y + 0.09, outer, lamp_y + 0.13, (240, 190, 150), 0.3)
        panel(x - 0.26, plate_y, x + 0.26, plate_y + 0.11, (236, 206, 70))
        panel(x - 0.2, plate_y + 0.035, x + 0.2, plate_y + 0.075, (60, 56, 40))
        if kind == "suv":  # the spare wheel
            angles = np.linspace(0, 2 * np.pi, 20)
            for radius, color in ((0.34, RUBBER), (0.22, (120, 122, 126))):
                across, up = x + radius * np.cos(angles), 1.0 + radius * np.sin(angles)
                points = np.stack([across, up, 0 * angles + z - 0.08], axis=1)
                canvas.polygon(f32(points), f32(color) * light, label)
    else:
        panel(x - 0.4, plate_y - 0.06, x + 0.4, plate_y + 0.14, (30, 32, 34))
        panel(x - 0.4, plate_y + 0.11, x + 0.4, plate_y + 0.14, CHROME)
        for side in (-1, 1):
            inner, outer = sorted((x + side * (wide - 0.2), x + side * (wide + 0.06)))
            panel(inner, lamp_y, outer, lamp_y + 0.17, (150, 158, 166), 0.3)
            panel(inner + 0.04, lamp_y + 0.03, outer - 0.04, lamp_y + 0.14, (252, 250, 236), 0.9)
        panel(x - 0.26, plate_y - 0.2, x + 0.26, plate_y - 0.09, (240, 240, 236))
        panel(x - 0.2, plate_y - 0.165, x + 0.2, plate_y - 0.125, (60, 60, 60))


def box_shadow(canvas: Canvas, place: Place, half: float, length: float, height: float) -> None:
    """The sun's shadow of a box and the dark underneath it."""
    x, z = place
    base = on_ground(x - half, z - length / 2, x + half, z + length / 2)
    roof = base * f32([1, 1, 1]) + SUN * (height / -SUN[1]) * f32([1, 0, 1])
    hull = cv2.convexHull(np.concatenate([base, roof])[:, [0, 2]])[:, 0]
    canvas.shade_polygon(np.stack([hull[:, 0], 0 * hull[:, 0], hull[:, 1]], axis=1), 140)
    canvas.shade_polygon(base, 225)


@lru_cache(maxsize=24)
def _panels(seed: int, kind: str, paint: int, light: tuple[float, ...]) -> dict[str, Texture]:
    """Rear, front, left and right of a bus or lorry, 50 pixels a metre."""
    rng = np.random.default_rng([seed, 31, paint])
    scale, width, height, length = 50, 2.5, 3.1 if kind == "truck" else 4.1, 8.0 if kind == "truck" else 9.5
    color = f32([(186, 20, 28), (24, 92, 70), (28, 66, 140)][paint % 3] if kind == "bus" else (226, 226, 222))
    panels = {}
    for name, across in (("rear", width), ("front", width), ("side", length)):
        rows, columns = round(height * scale), round(across * scale)
        rgb = f32(np.ones((rows, columns, 1), np.float32) * color * np.linspace(1.06, 0.86, rows)[:, None, None])
        rgb = f32(rgb * (1 + 0.02 * noise(rng, rows, columns, 60, 3))[..., None])

        def box(
            left: float, low: float, right: float, high: float, value: tuple[float, ...] | F32, rgb: F32 = rgb
        ) -> None:
            top, bottom = round((height - high) * scale), round((height - low) * scale)
            rgb[max(top, 0) : bottom, max(round(left * scale), 0) : round(right * scale)] = value

        box(0, 0, across, 0.12, (30, 30, 32))
        if kind == "bus":
            for low, high in ((1.15, 2.0), (2.75, 3.6)):
                step = across / max(round(across / 1.3), 1)
                for left in np.arange(0, across - 0.1, step):
                    box(left + 0.08, low, left + step - 0.04, high, (46, 54, 62))
                    box(left + 0.08, high - 0.3, left + step - 0.04, high, (120, 138, 152))
            box(0, 2.3, across, 2.36, (236, 214, 150))
            if name == "side":
                box(1.0, 0.45, 5.6, 1.0, (240, 236, 226))
                letter(rgb, "CITY TOURS", round(1.4 * scale), round((height - 0.58) * scale), 0.9, 2, (40, 60, 130))
        elif name == "side":
            box(6.4, 0.1, across, 2.5, (38, 84, 150))
            box(6.4, 2.5, across, height, (214, 216, 218))
            letter(rgb, "NORTHWIND", round(1.0 * scale), round((height - 1.6) * scale), 1.45, 4, (38, 84, 150))
        elif name == "rear":
            box(0.08, 0.5, 1.22, height - 0.1, (206, 208, 206))
            box(1.28, 0.5, across - 0.08, height - 0.1, (206, 208, 206))
            letter(rgb, "NW", round(0.75 * scale), round((height - 1.7) * scale), 1.8, 5, (38, 84, 150))
        else:
            box(0.05, 0, across - 0.05, 2.3, (38, 84, 150))
        if name == "front":
            low, high = (1.2, 2.1) if kind == "bus" else (1.15, 2.15)
            box(0.14, low, across - 0.14, high, (44, 54, 64))
            for step in range(8):  # the sky in the windscreen
                sky = (140 - 11 * step, 160 - 12 * step, 178 - 13 * step)
                box(0.14, high - 0.06 * (step + 1), across - 0.14, high - 0.06 * step, sky)
            box(across / 2 - 0.03, low, across / 2 + 0.03, high, (30, 32, 36))
            board, word = (height - 1.75, "12 STATION") if kind == "bus" else (height - 0.62, "NORTHWIND")
            box(0.5, board, across - 0.5, board + 0.3, (28, 28, 20))
            letter(rgb, word, round(0.6 * scale), round((height - board - 0.07) * scale), 0.45, 1, (250, 190, 50))
            box(0.55, 0.5, across - 0.55, 0.95, (40, 42, 46))
            for bar in (0.58, 0.7, 0.82):
                box(0.6, bar, across - 0.6, bar + 0.04, (120, 124, 128))
        lamp = (250, 248, 236) if name == "front" else (206, 28, 30)
        if name != "side":
            for left in (0.12, across - 0.42):
                box(left, 0.5, left + 0.3, 0.78, lamp)
            box(across / 2 - 0.3, 0.3, across / 2 + 0.3, 0.42, (236, 206, 70) if name == "rear" else (240, 240, 236))
            box(0.05, 0.12, across - 0.05, 0.26, (52, 52, 56))
        face = f32(light) * (0.78 if name == "side" else 0.98)
        panels[name] = texture(rgb, ID["Truck_Bus"], light=face)
    return panels


def big(canvas: Canvas, seed: int, place: Place, kind: str, paint: int, *, away: bool, lit: bool) -> None:
    """A bus or lorry whose middle is at `place` (x, z)."""
    light = SUNLIT if lit else SHADED
    panels = _panels(seed, kind, paint, tuple(light.tolist()))
    width, height, length, ground = 2.5, 3.1 if kind == "truck" else 4.1, 8.0 if kind == "truck" else 9.5, 0.32
    x, z = place
    near, far = z - length / 2, z + length / 2
    left, right, top, label = x - width / 2, x + width / 2, height + ground, ID["Truck_Bus"]
    _wheels(canvas, f32([x, 0, near]), 1.0, (1.6, length - 2.0), 1.22, 0.48, label, light)
    side = right if canvas.camera.x > right else left if canvas.camera.x < left else None
    if side is not None:
        corners = f32([(side, top, near), (side, top, far), (side, ground, far), (side, ground, near)])
        rows, columns = panels["side"].colors.shape[:2]
        source = f32([(0, 0), (columns, 0), (columns, rows), (0, rows)])
        if side == left:  # so that its lettering reads the right way round
            source = source[[1, 0, 3, 2]]
        canvas.warp(panels["side"], source, corners)
        _wheels(canvas, f32([x, 0, near]), 1.0, (1.6, length - 2.0), 1.26, 0.48, label, light, outer=True)
    canvas.billboard(panels["rear" if away else "front"], (x, ground, near), width, height)
