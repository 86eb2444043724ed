"""Draws one frame of the drive: everything in its place, painted back to front, then camera effects."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from segcore.arrays import U8, U8Image, U8Mask
from segcore.data.drive import figures, scenery, street, vehicles, world
from segcore.data.drive.camera import HEIGHT, WIDTH, Camera, f32, u8
from segcore.data.drive.canvas import HAZE, Canvas

REACH = 105.0  # metres; further things are smaller than the haze lets one see
_LENGTHS = {"car": (0.88, 4.1, 1.4), "suv": (0.95, 4.45, 1.8), "bus": (1.25, 9.5, 4.3), "truck": (1.25, 8.0, 3.3)}

_HAZE_TABLE = u8(np.arange(256)[:, None, None] * HAZE / 255)  # [256, 1, 3]: the air's light by how much of it there is
_BRIGHT_TABLE = u8(np.maximum(np.arange(256) - 150, 0))


def draw_frame(number: int, seed: int = 0) -> tuple[U8Image, U8Mask]:
    """Draw one frame; the same arguments give the same arrays, in any order of calls.

    Args:
        number: 0..100; 90..100 are the test frames, further down the street.
        seed: Another seed is another street.

    Returns:
        Image `[720, 960, 3]` uint8 RGB and mask `[720, 960]` uint8, ids of `CAMVID32.with_ignored(())`.

    Raises:
        ValueError: on a number outside 0..100.
    """
    if not 0 <= number < world.FRAMES:
        raise ValueError(f"The drive has no frame {number}; expected 0 to {world.FRAMES - 1}.")
    canvas = Canvas(world.camera_at(number, seed))
    z = canvas.camera.z
    street.paint_sky(canvas, seed)
    street.paint_ground(canvas, seed)
    street.paint_markings(canvas, seed)
    things = [*_standing(seed, z), *world.traffic(seed, canvas.camera)]
    things = sorted((thing for thing in things if _in_view(canvas.camera, thing)), key=lambda thing: -thing.z)
    street.paint_house_shadows(canvas, seed)
    for thing in (thing for thing in things if thing.z < z + 70):
        _paint_shadow(canvas, seed, thing)
    canvas.apply_shadow()
    for plot in _far_to_near(seed, z):
        street.paint_plot(canvas, seed, plot)
    for thing in things:
        _paint(canvas, seed, thing)
    return _develop(canvas, number, seed), np.ascontiguousarray(canvas.meta[..., 0])


def _in_view(camera: Camera, thing: world.Thing) -> bool:
    """Whether a thing or its shadow may be visible: not behind the camera nor outside of its field of view."""
    ahead = thing.z - camera.z
    return (-3.5 if thing.kind == "railing" else 1.5) < ahead < REACH and abs(thing.x) < 0.66 * ahead + (
        1.5 if thing.kind in figures.LABELS else 5.0
    )


def _far_to_near(seed: int, z: float) -> list[world.Plot]:
    both = [plot for side in (-1, 1) for plot in world.plots_in_view(seed, side, z)]
    return sorted(both, key=lambda plot: -plot.start)


def _standing(seed: int, z: float) -> list[world.Thing]:
    blocks = range(int(z // world.BLOCK), int((z + REACH) // world.BLOCK) + 1)
    things = [thing for block in blocks for thing in world.furniture(seed, block)]
    bridges = [world.Thing("bridge", 0, world.bridge_z(seed, number), 0) for number in range(4)]
    return [*things, *bridges]


@lru_cache(maxsize=512)  # within a frame: once for the shadow, once for the thing
def _limbs(thing: world.Thing) -> list[tuple[figures.Limbs, int, float]]:
    """The figures of a thing with their ids and sizes, in the order of painting."""
    rng, labels = np.random.default_rng(thing.variant), figures.LABELS
    match thing.kind:
        case "adult":
            return [(figures.walker(rng, thing.phase), labels["adult"], float(rng.uniform(0.96, 1.06)))]
        case "child":
            return [
                (figures.walker(rng, thing.phase * 1.3, child=True), labels["child"], float(rng.uniform(0.62, 0.74)))
            ]
        case "pram":
            parts = [
                (figures.walker(rng, thing.phase, pushing=True), labels["adult"], 1.0),
                (figures.pram(rng), labels["pram"], 1.0),
            ]
            return parts[::-1] if thing.away else parts
        case "dog":
            return [(figures.dog(rng, thing.phase * 1.4), labels["dog"], 1.12)]
        case "cyclist":
            return [(figures.cyclist(rng, thing.phase), labels["cyclist"], 1.0)]
        case _:
            return [(figures.scooter(rng, ridden=thing.kind == "scooter"), labels["scooter"], 1.0)]


def _paint_shadow(canvas: Canvas, seed: int, thing: world.Thing) -> None:
    x, z = thing.x, thing.z
    match thing.kind:
        case "car" | "suv" | "bus" | "truck":
            vehicles.box_shadow(canvas, (x, z), *_LENGTHS[thing.kind])
        case "tree":
            scenery.tree_shadow(canvas, seed, x, z, thing.variant)
        case "lamp" | "sign" | "light":
            scenery.pole_shadow(canvas, x, z, {"lamp": 6.5, "sign": 3.0, "light": 3.6}[thing.kind], 0.09)
        case "bridge":
            scenery.bridge_shadow(canvas, z)
        case "railing":
            scenery.railing_shadow(canvas, x, z)
        case "block":
            vehicles.box_shadow(canvas, (x, z), 0.3, 1.7, 0.55)
        case "cone" | "post" | "bush":
            height = {"cone": 0.7, "post": 1.3, "bush": 1.2}[thing.kind]
            canvas.capsule_shadows(f32([[(x, 0, z), (x, height, z)]]), f32([[0.25, 0.15]]))
        case _:
            for limbs, _, size in _limbs(thing) if z < canvas.camera.z + 35 else ():
                limbs.shadow(canvas, (x, z), thing.heading, size)


def _paint(canvas: Canvas, seed: int, thing: world.Thing) -> None:
    x, z, variant = thing.x, thing.z, thing.variant
    lit = world.sunny(seed, x, z)
    match thing.kind:
        case "car" | "suv":
            vehicles.car(canvas, (x, z), thing.kind, variant, away=thing.away, lit=lit, braking=variant % 3 == 0)
        case "bus" | "truck":
            vehicles.big(canvas, seed, (x, z), thing.kind, variant, away=thing.away, lit=lit)
        case "tree":
            scenery.tree(canvas, seed, x, z, variant, lit)
        case "bush":
            scenery.bush(canvas, seed, x, z, variant, lit)
        case "lamp":
            scenery.lamp(canvas, x, z, lit)
        case "sign":
            scenery.sign(canvas, x, z, variant, lit)
        case "light":
            scenery.traffic_light(canvas, x, z, lit)
        case "cone":
            scenery.cone(canvas, x, z, lit)
        case "block":
            scenery.parking_block(canvas, x, z, lit)
        case "railing":
            scenery.railing(canvas, x, z, lit)
        case "post":
            scenery.post_box(canvas, x, z, lit)
        case "bridge":
            scenery.bridge(canvas, z)
        case _:
            for limbs, label, size in _limbs(thing):
                limbs.draw(canvas, (x, z), thing.heading, label, lit=lit, size=size)


@lru_cache(maxsize=1)
def _lens() -> tuple[U8, U8]:
    """Vignette `[H, W, 3]` 0..255 and film grain `[H + 64, W + 64, 3]` around 128."""
    y, x = np.mgrid[-1 : 1 : complex(0, HEIGHT), -1 : 1 : complex(0, WIDTH)].astype(np.float32)
    vignette = 255 * (1 - 0.16 * np.clip((x * x + y * y) / 2, 0, 1) ** 1.3)
    rng = np.random.default_rng(71)
    grain = rng.normal(128, 2.2, (HEIGHT + 64, WIDTH + 64, 1)) + rng.normal(0, 1.0, (HEIGHT + 64, WIDTH + 64, 3))
    return np.repeat(vignette[..., None], 3, axis=2).astype(np.uint8), np.clip(grain, 0, 255).astype(np.uint8)


def _develop(canvas: Canvas, number: int, seed: int) -> U8Image:
    """Air, glare, lens blur, exposure, vignette and grain."""
    haze = cv2.cvtColor(np.ascontiguousarray(canvas.meta[..., 1]), cv2.COLOR_GRAY2BGR)
    clear = cv2.multiply(canvas.image, cv2.bitwise_not(haze), scale=1 / 255)
    image = cv2.add(clear, cv2.LUT(haze, _HAZE_TABLE))
    small = cv2.resize(image, (WIDTH // 8, HEIGHT // 8), interpolation=cv2.INTER_AREA)
    glare = cv2.GaussianBlur(cv2.LUT(small, _BRIGHT_TABLE), (0, 0), 5)
    glare = cv2.resize(glare, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    image = cv2.addWeighted(image, 1.0, glare, 0.3, 0)
    image = cv2.GaussianBlur(image, (3, 3), 0.62)
    exposure = 1 + 0.035 * np.sin(number / 9 + seed)
    tone = np.arange(256, dtype=np.float32) / 255
    curve = np.clip((tone * exposure) ** 1.04, 0, 1)
    curve = curve + 0.10 * (curve - 0.5) * (1 - np.abs(2 * curve - 1)) * 2
    image = cv2.LUT(image, np.clip(curve * 255, 0, 255).astype(np.uint8))
    vignette, grain = _lens()
    image = cv2.multiply(image, vignette, scale=1 / 255)
    dy, dx = np.random.default_rng([seed, 72, number]).integers(0, 64, 2)
    return u8(cv2.addWeighted(image, 1.0, grain[dy : dy + HEIGHT, dx : dx + WIDTH], 1.0, -128))
