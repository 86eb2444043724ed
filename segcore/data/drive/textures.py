"""Textures made of noise: sky, leaves, brick, paving, the ground strip of the street."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

from segcore.arrays import F32, U8
from segcore.data.drive import world
from segcore.data.drive.camera import Vector, f32, u8
from segcore.labels import CAMVID32

_LABELS = CAMVID32.with_ignored(())
ID = {name: _LABELS.index(name) for name in _LABELS.names}

NOTHING = 255  # id of texture pixels, and of what lies outside of a texture, where nothing is drawn


@dataclass(frozen=True, eq=False)
class Texture:
    """Colours with ids, at every size it is needed in.

    Args:
        colors: `[H, W, 4]` uint8 RGB premultiplied by alpha, and alpha.
        ids: `[H, W]` uint8 class ids.
        lacy: The mask follows the alpha (leaves), not the outline (railings count as one surface).
    """

    colors: U8
    ids: U8
    lacy: bool = False
    _levels: dict[tuple[int, int], tuple[U8, U8, tuple[float, float]]] = field(default_factory=dict)

    def level(self, across: float, down: float) -> tuple[U8, U8, tuple[float, float]]:
        """Colours, ids and texture pixels a level pixel (x, y), for so many texture pixels a screen pixel."""
        key = (_halvings(across), _halvings(down))
        if key not in self._levels:
            height, width = self.colors.shape[:2]
            size = (max(width >> key[0], 2), max(height >> key[1], 2))
            step = (width / size[0], height / size[1])
            colors, ids = self.colors, self.ids
            if size != (width, height):
                colors = u8(cv2.resize(colors, size, interpolation=cv2.INTER_AREA))
                ids = u8(cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST))
            self._levels[key] = (colors, ids, step)
        return self._levels[key]


def _halvings(ratio: float) -> int:
    return min(round(math.log2(max(ratio, 1))), 6)


def texture(
    rgb: F32 | U8, label: int | U8, alpha: F32 | None = None, *, lacy: bool = False, light: F32 | None = None
) -> Texture:
    """A `Texture` from colours `[H, W, 3]` 0..255, an id or ids `[H, W]`, alpha `[H, W]` 0..1, lit by `light` RGB."""
    height, width = rgb.shape[:2]
    cover = np.ones((height, width), np.float32) if alpha is None else alpha
    colors = np.empty((height, width, 4), np.uint8)
    lit = np.clip(rgb * (f32(1) if light is None else light), 0, 255)
    colors[..., :3] = lit * cover[..., None]
    colors[..., 3] = cover * 255
    ids = np.empty((height, width), np.uint8)
    ids[:] = label
    return Texture(colors, ids, lacy)


def noise(rng: np.random.Generator, height: int, width: int, cell: float, octaves: int = 1) -> F32:
    """Smooth noise `[height, width]` of mean 0 and deviation about 1; tiles in both directions."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        rows, columns = (max(round(size * 2**octave / cell), 1) for size in (height, width))
        grid = rng.standard_normal((rows, columns)).astype(np.float32)
        grid = np.pad(grid, 2, mode="wrap")
        pad_y, pad_x = round(2 * height / rows), round(2 * width / columns)
        smooth = cv2.INTER_CUBIC if octave == 0 else cv2.INTER_LINEAR
        big = cv2.resize(grid, (width + 2 * pad_x, height + 2 * pad_y), interpolation=smooth)
        total += big[pad_y : pad_y + height, pad_x : pad_x + width] * 0.5**octave
    return total / max(float(total.std()), 1e-6)


def tinted(color: Vector, value: F32) -> F32:
    """`[H, W, 3]`: one colour times a brightness around 1."""
    return f32(color) * value[..., None]


def brick(rng: np.random.Generator, height: int, width: int, color: Vector, scale: float) -> F32:
    """Brickwork `[height, width, 3]`, `scale` pixels a metre."""
    course, length = max(round(0.1 * scale), 3), max(round(0.26 * scale), 6)
    rows, columns = height // course + 2, width // length + 3
    shade = 1 + 0.1 * rng.standard_normal((rows, columns)).astype(np.float32)
    y, x = np.mgrid[0:height, 0:width]
    row = y // course
    shifted = x + (row % 2) * (length // 2)
    value = shade[row, shifted // length]
    joint = (y % course == 0) | (shifted % length == 0)
    wall = tinted(color, value + 0.05 * noise(rng, height, width, scale))
    wall[joint] = wall[joint] * 0.55 + f32([168, 160, 148]) * 0.4
    return wall


@lru_cache(maxsize=2)
def sky(seed: int) -> U8:
    """`[520, 1400, 3]` RGB: blue above, pale at the horizon, with soft fair-weather clouds."""
    rng = np.random.default_rng([seed, 11])
    height, width = 520, 1400
    up = np.linspace(1, 0, height, dtype=np.float32)[:, None]
    zenith, horizon = f32([58, 118, 200]), f32([196, 216, 234])
    base = horizon + (zenith - horizon) * (up**0.62)[..., None]
    billows = cv2.resize(noise(rng, height, width // 2, 120, 6), (width, height), interpolation=cv2.INTER_LINEAR)
    cover = np.clip((billows - 0.15) / 1.1, 0, 1)
    cover = cover * cover * (3 - 2 * cover)
    # Undersides are grey: compare with the cloud a little higher up, on the sun's side.
    above = np.roll(cv2.GaussianBlur(cover, (0, 0), 14), (26, -18), axis=(0, 1))
    cloud = f32([255, 253, 249]) - f32([70, 60, 44]) * np.clip(above * 1.2 - 0.1, 0, 1)[..., None]
    cover = cover[..., None] * (0.3 + 0.68 * np.clip(up * 3, 0, 1))[..., None]
    return np.clip(base * (1 - cover) + cloud * cover, 0, 255).astype(np.uint8)


def leaves(rng: np.random.Generator, size: int, color: Vector, label: int, *, hedge: bool = False) -> Texture:
    """`[size, size]` of foliage with ragged edges and holes: clusters lit from the upper right."""
    y, x = np.mgrid[-1 : 1 : complex(0, size), -1 : 1 : complex(0, size)].astype(np.float32)
    clusters = np.full((size, size), -9.0, np.float32)
    shade = np.zeros((size, size), np.float32)
    for _ in range(56 if not hedge else 30):
        angle, distance = rng.uniform(0, 2 * np.pi), 0.66 * np.sqrt(rng.uniform(0, 1))
        cx, cy, radius = distance * np.cos(angle), 0.9 * distance * np.sin(angle) - 0.03, rng.uniform(0.13, 0.31)
        height = 1 - ((x - cx) ** 2 + ((y - cy) * 1.15) ** 2) / radius**2
        front = height > clusters
        slope = ((x - cx) * 0.55 - (y - cy) * 1.0) / radius
        shade[front] = (slope + 0.25 * rng.standard_normal())[front]
        clusters = np.maximum(clusters, height)
    fine, finer = noise(rng, size, size, size / 26, 2), noise(rng, size, size, size / 90, 2)
    edge = np.clip(clusters, -2, 1) + 0.34 * fine + 0.30 * finer
    alpha = np.clip((edge - 0.12) * 5, 0, 1)
    overall = 0.35 * x - 0.55 * y
    value = 0.82 + 0.22 * np.clip(shade, -1.3, 1.2) + 0.2 * overall + 0.16 * fine + 0.2 * finer
    rgb = tinted(color, np.clip(value, 0.22, 1.75))
    rgb += np.clip(value - 1, 0, 1)[..., None] * f32([46, 40, -6])
    return texture(rgb, label, alpha, lacy=True)


def hedge(rng: np.random.Generator, width: int, height: int, color: Vector, label: int) -> Texture:
    """`[height, width]` of clipped hedge with an uneven top."""
    fine, finer = noise(rng, height, width, 22, 2), noise(rng, height, width, 7, 2)
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    top = 0.10 + 0.035 * noise(rng, 1, width, 60, 3)
    alpha = np.clip((y - top) * 40 + 0.9 * finer, 0, 1)
    value = np.clip(1.12 - 0.5 * y + 0.16 * fine + 0.2 * finer, 0.25, 1.7)
    return texture(tinted(color, value), label, alpha, lacy=True)


@lru_cache(maxsize=2)
def ground(seed: int) -> dict[tuple[int, int], U8]:
    """The street from above, `[STRIP_LENGTH, STRIP_RIGHT - STRIP_LEFT]` at `STRIP_SCALE`; keys count halvings."""
    rng = np.random.default_rng([seed, 12])
    sides = (world.STRIP_LENGTH, world.STRIP_RIGHT - world.STRIP_LEFT)
    height, width = (int(side * world.STRIP_SCALE) for side in sides)
    x = (np.arange(width) / world.STRIP_SCALE + world.STRIP_LEFT).astype(np.float32)[None]
    grain = rng.standard_normal((height, width)).astype(np.float32)
    patches = noise(rng, height, width, 150, 4)
    tracks = sum(np.exp(-(((x - middle) / 0.32) ** 2)) for middle in (-0.8, 0.8, 2.6, 4.2))
    value = 1 + 0.10 * grain + 0.045 * patches - 0.07 * tracks
    cracks = np.abs(noise(rng, height, width, 300, 4)) < 0.006
    value[cracks] *= 0.82
    rgb = tinted((124, 122, 122), value)
    flags = _slabs(rng, height, width, (0.62, 0.62), (170, 161, 150), 0.07)
    setts = _slabs(rng, height, width, (0.24, 0.16), (136, 112, 100), 0.13)
    for low, high, cover in (
        (world.LEFT_KERB, world.LEFT_EDGE, setts),
        (world.RIGHT_EDGE, world.RIGHT_KERB, setts),
        (world.STRIP_LEFT, world.LEFT_KERB, flags),
        (world.RIGHT_KERB, world.STRIP_RIGHT, flags),
    ):
        inside = ((x >= low) & (x < high))[0]
        rgb[:, inside] = cover[:, inside] * (1 + 0.04 * patches[:, inside, None] + 0.05 * grain[:, inside, None])
    for edge, outwards in ((world.LEFT_KERB, -1), (world.RIGHT_KERB, 1)):
        face, stone = ((x - edge) * outwards)[0], 1.0
        rgb[:, (face > -0.14) & (face <= 0)] *= 0.52  # the kerb's shaded face and the gutter
        top = (face > 0) & (face < 0.24)
        rgb[:, top] = tinted((186, 182, 174), 1 + 0.05 * grain[:, top]) * stone
        rgb[:: int(world.STRIP_SCALE), top] *= 0.7
    levels = {}
    for across, along in ((0, 1), (0, 3), (1, 5), (2, 7)):
        size = (width >> across, height >> along)
        small = np.clip(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), 0, 255).astype(np.uint8)
        # OpenCV warps four channels faster than three.
        levels[across, along] = u8(cv2.cvtColor(small, cv2.COLOR_RGB2RGBA))
    return levels


def _slabs(
    rng: np.random.Generator, height: int, width: int, size: tuple[float, float], color: Vector, vary: float
) -> F32:
    along, across = (max(round(length * world.STRIP_SCALE), 4) for length in size)
    y, x = np.mgrid[0:height, 0:width]
    row = y // along
    shifted = x + (row % 2) * (across // 2)
    tones = 1 + vary * rng.standard_normal((height // along + 1, width // across + 3)).astype(np.float32)
    value = tones[row, shifted // across]
    value[(y % along < 2) | (shifted % across < 2)] *= 0.66
    return tinted(color, value)


def letter(rgb: F32, word: str, left: int, base: int, size: float, weight: int, color: tuple[float, ...]) -> None:
    """Write a word into `[H, W, 3]` float colours, in place; `base` is its lower edge (OpenCV writes bytes only)."""
    top = max(base - int(40 * size), 0)
    part = rgb[top : base + int(12 * size) + 1]
    ink = np.zeros(part.shape[:2], np.uint8)
    cv2.putText(ink, word, (left, base - top), cv2.FONT_HERSHEY_DUPLEX, size, 255, weight, cv2.LINE_AA)
    cover = (ink / np.float32(255))[..., None]
    part[:] = part * (1 - cover) + f32(color) * cover
