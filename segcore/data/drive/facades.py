"""Draws house fronts, flat with painted depth: walls, windows, doors, shop fronts, archways."""

from __future__ import annotations

from functools import cache, lru_cache

import cv2
import numpy as np

from segcore.arrays import F32, U8
from segcore.data.drive.camera import f32
from segcore.data.drive.textures import ID, Texture, brick, letter, noise, texture, tinted

SCALE = 44  # pixels a metre
WALLS = (
    (158, 92, 70), (176, 118, 88), (134, 78, 62), (196, 172, 132), (150, 104, 84), (186, 150, 112),
)  # fmt: skip
PLASTER = (
    (232, 222, 200), (216, 196, 160), (198, 206, 208), (224, 190, 170), (186, 200, 184), (238, 234, 226),
    (200, 178, 190),
)  # fmt: skip
FASCIA = ((24, 70, 58), (120, 24, 30), (20, 40, 92), (28, 28, 32), (176, 120, 24), (90, 30, 84), (16, 96, 120))
DOORS = ((120, 20, 26), (20, 52, 96), (22, 74, 50), (40, 40, 44), (190, 150, 40))
WORDS = (
    "BAKERY", "CAFE NOVA", "BOOKS", "FLORIST", "PHARMACY", "CYCLES", "TEA ROOM", "HARDWARE", "RECORDS", "GROCER",
    "OPTICIAN", "TAILOR", "PIZZA", "GALLERY", "BARBER", "TOYS",
)  # fmt: skip
GROUND_FLOOR, FLOOR = 3.7, 3.0  # metres


class _Front:
    """One house front under construction; metres from the left and up from the pavement."""

    def __init__(self, rng: np.random.Generator, width: float, height: float) -> None:
        self.rng, self.width, self.height = rng, width, height
        rows, columns = round(height * SCALE), round(width * SCALE)
        stock = _surface(int(rng.integers(len(WALLS) + len(PLASTER))))
        sizes = zip(stock.shape, (rows, columns), strict=False)
        top, left = (int(rng.integers(0, big - small)) for big, small in sizes)
        self.rgb = stock[top : top + rows, left : left + columns].copy()
        self.ids: U8 = np.full((rows, columns), ID["Building"], np.uint8)
        self.trim = (236, 232, 222) if rng.random() < 0.7 else (150, 140, 126)

    def box(
        self, left: float, bottom: float, right: float, top: float, color: tuple[float, ...], label: str = ""
    ) -> None:
        """A filled rectangle, with a class if it has one of its own."""
        x0, x1 = round(left * SCALE), round(right * SCALE)
        y0, y1 = round((self.height - top) * SCALE), round((self.height - bottom) * SCALE)
        self.rgb[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = color
        if label:
            self.ids[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = ID[label]

    def shade(self, left: float, bottom: float, right: float, top: float, factor: float) -> None:
        """Darken a rectangle: the shadow of something that sticks out."""
        x0, x1 = max(round(left * SCALE), 0), max(round(right * SCALE), 0)
        y0, y1 = max(round((self.height - top) * SCALE), 0), max(round((self.height - bottom) * SCALE), 0)
        self.rgb[y0:y1, x0:x1] *= factor

    def glass(self, left: float, bottom: float, right: float, top: float, *, dark: float = 1.0) -> None:
        """A pane: dark inside, sky in its upper part, a slanted reflection."""
        x0, x1 = round(left * SCALE), round(right * SCALE)
        y0, y1 = round((self.height - top) * SCALE), round((self.height - bottom) * SCALE)
        if x1 <= x0 or y1 <= y0:
            return
        y, x = np.mgrid[0 : 1 : complex(0, y1 - y0), 0 : 1 : complex(0, x1 - x0)].astype(np.float32)
        sky = np.clip(1.0 - y * 1.3, 0, 1) * 0.55 + 0.25 * (np.abs(x + 0.55 * y - self.rng.uniform(0.3, 1.1)) < 0.16)
        inside, outside = f32([44, 50, 56]) * dark, f32([168, 190, 210])
        self.rgb[y0:y1, x0:x1] = inside + (outside - inside) * (sky * 0.8)[..., None]

    def window(self, middle: float, bottom: float, width: float, height: float) -> None:
        """A sash window in its recess, with sill, lintel and sometimes curtains."""
        left, right, top = middle - width / 2, middle + width / 2, bottom + height
        self.box(left - 0.12, bottom - 0.12, right + 0.12, top + 0.16, self.trim)
        self.shade(left - 0.14, bottom - 0.24, right + 0.16, bottom - 0.12, 0.62)
        self.box(left, bottom, right, top, (245, 244, 240))
        pane = 0.07
        self.glass(left + pane, bottom + pane, right - pane, top - pane)
        if self.rng.random() < 0.45:
            cloth = tuple(float(v) for v in self.rng.uniform(150, 235, 3))
            part = self.rng.uniform(0.15, 0.32) * width
            self.box(left + pane, bottom + pane, left + part, top - pane, cloth)
            self.box(right - part, bottom + pane, right - pane, top - pane, cloth)
        self.shade(left + pane, top - 0.22, right - pane, top - pane, 0.5)
        self.shade(right - 0.18, bottom + pane, right - pane, top - pane, 0.6)
        self.box(left, (bottom + top) / 2 - 0.03, right, (bottom + top) / 2 + 0.03, (240, 239, 234))
        self.box(middle - 0.025, bottom, middle + 0.025, top, (240, 239, 234))

    def door(self, left: float, width: float = 1.0) -> None:
        """A panelled front door with a fanlight and a step."""
        color = DOORS[self.rng.integers(len(DOORS))]
        self.box(left - 0.16, 0, left + width + 0.16, 2.75, self.trim)
        self.box(left, 0.15, left + width, 2.15, color)
        self.glass(left, 2.2, left + width, 2.6)
        for low, high in ((0.3, 0.95), (1.1, 1.95)):
            for side in (0.12, 0.56):
                self.box(left + side, low, left + side + 0.32, high, tuple(channel * 1.35 + 6 for channel in color))
        self.shade(left, 2.0, left + width, 2.15, 0.6)
        self.box(left - 0.2, 0, left + width + 0.2, 0.15, (170, 166, 158))

    def shop(self) -> None:
        """A shop front with a lettered fascia (Misc_Text), display windows, door and stall riser."""
        rng, width = self.rng, self.width
        color = FASCIA[rng.integers(len(FASCIA))]
        dim = tuple(channel * 0.8 for channel in color)
        self.box(0.12, 0, width - 0.12, 3.5, dim)
        door = rng.uniform(0.3, width - 1.6)
        spans = [(0.35, door - 0.1), (door + 1.2, width - 0.35)]
        for left, right in spans:
            if right - left < 0.6:
                continue
            self.glass(left, 0.6, right, 2.55, dark=1.25)
            for _ in range(int((right - left) * 3)):  # the goods
                at, size = rng.uniform(left + 0.1, right - 0.35), rng.uniform(0.12, 0.34)
                self.box(at, 0.62, at + size, 0.62 + rng.uniform(0.2, 0.9), tuple(rng.uniform(60, 225, 3)))
            for at in np.arange(left, right, 1.5):
                self.box(at - 0.04, 0.6, at + 0.04, 2.55, dim)
        self.box(door, 0.05, door + 1.0, 2.5, tuple(channel * 0.6 for channel in color))
        self.glass(door + 0.14, 0.7, door + 0.86, 2.3, dark=1.2)
        self.fascia(color)
        if rng.random() < 0.5:
            stripe = np.arange(round(0.35 * SCALE), round((width - 0.35) * SCALE))
            pale = (stripe // round(0.36 * SCALE)) % 2 == 0
            y0, y1 = round((self.height - 2.72) * SCALE), round((self.height - 2.2) * SCALE)
            cloth = np.where(pale[:, None], f32([240, 236, 226]), f32(color) * 1.4 + 30)
            self.rgb[y0:y1, stripe] = cloth[None] * np.linspace(1.02, 0.85, y1 - y0)[:, None, None]
            self.shade(0.35, 1.75, width - 0.35, 2.2, 0.55)

    def fascia(self, color: tuple[float, ...]) -> None:
        """The lettered board above the shop windows."""
        low, high = 2.72, 3.62
        self.box(0.1, low, self.width - 0.1, high, color, "Misc_Text")
        self.box(0.1, high - 0.06, self.width - 0.1, high, tuple(min(channel * 1.5 + 30, 255) for channel in color))
        word, pale = WORDS[self.rng.integers(len(WORDS))], (246, 238, 214)
        (across, up), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_DUPLEX, 1, 2)
        size = min(0.5 * SCALE / up, (self.width - 0.9) * SCALE / across)
        left, base = round((self.width * SCALE - across * size) / 2), round((self.height - low - 0.2) * SCALE)
        letter(self.rgb, word, left, base, size, max(round(size * 2.4), 1), pale)
        self.shade(0.1, low - 0.2, self.width - 0.1, low, 0.6)

    def archway(self) -> None:
        """A stone arch one can drive through, dark inside."""
        half, spring = min(1.9, self.width / 2 - 0.5), 2.5
        middle = (round(self.width / 2 * SCALE), round((self.height - spring) * SCALE))
        foot = round(self.height * SCALE)
        for radius, color, label in ((half + 0.45, (214, 204, 184), ""), (half, (46, 44, 46), "Archway")):
            r = round(radius * SCALE)
            for target, value in ((self.rgb, color), (self.ids, ID[label] if label else None)):
                if value is not None:
                    cv2.ellipse(target, middle, (r, r), 0, 180, 360, value, -1)
                    cv2.rectangle(target, (middle[0] - r, middle[1]), (middle[0] + r, foot), value, -1)
        inside = self.ids == ID["Archway"]
        rows = np.linspace(0.55, 1.9, foot)[:, None, None] ** 1.5
        self.rgb[inside] = (self.rgb * rows[: self.rgb.shape[0]])[inside]
        far = round(0.5 * round(half * SCALE))  # the yard behind, in the sun
        x, y, sunny = middle[0] + far // 3, foot - round(1.5 * SCALE), (150, 148, 130)
        cv2.ellipse(self.rgb, (x, y), (far, far), 0, 180, 360, sunny, -1)
        cv2.rectangle(self.rgb, (x - far, y), (x + far, foot), sunny, -1)
        for angle in np.linspace(np.pi, 2 * np.pi, 15):  # joints of the arch stones
            ends = [
                (round(middle[0] + k * SCALE * np.cos(angle)), round(middle[1] + k * SCALE * np.sin(angle)))
                for k in (half, half + 0.45)
            ]
            cv2.line(self.rgb, ends[0], ends[1], (150, 140, 122), 1, cv2.LINE_AA)

    def upper_floors(self, bottom: float) -> None:
        """Rows of windows up to the cornice."""
        rng = self.rng
        count = max(int(self.width / rng.uniform(2.0, 2.7)), 2)
        width, height = rng.uniform(0.95, 1.25), rng.uniform(1.45, 1.75)
        balcony = rng.random() < 0.3
        for floor in np.arange(bottom, self.height - 2.75, FLOOR):
            for index in range(count):
                middle = self.width * (index + 0.5) / count
                self.window(middle, floor + 0.75, width, height)
                if balcony:
                    self.shade(middle - width * 0.75, floor + 0.15, middle + width * 0.8, floor + 0.6, 0.75)
                    self.box(middle - width * 0.75, floor + 0.55, middle + width * 0.75, floor + 0.68, (170, 164, 152))
                    for bar in np.arange(middle - width * 0.7, middle + width * 0.7, 0.16):
                        self.box(bar, floor + 0.68, bar + 0.05, floor + 1.35, (38, 40, 44))
                    self.box(middle - width * 0.75, floor + 1.33, middle + width * 0.75, floor + 1.4, (38, 40, 44))
        self.box(0, self.height - 0.4, self.width, self.height, self.trim)
        self.shade(0, self.height - 0.72, self.width, self.height - 0.4, 0.62)
        self.shade(0, self.height - 0.2, self.width, self.height - 0.14, 0.8)


@lru_cache(maxsize=96)
def facade(
    seed: int, side: int, index: int, kind: str, width: float, height: float, light: tuple[float, ...]
) -> Texture:
    """The front of one house, `kind` shop, house or arch, under a light (RGB factors)."""
    rng = np.random.default_rng([seed, 21, side + 1, index + 1000])
    front = _Front(rng, width, height)
    front.upper_floors(GROUND_FLOOR)
    if kind == "shop":
        front.shop()
    elif kind == "arch":
        front.archway()
    else:
        left = rng.uniform(0.5, 1.2)
        front.door(left)
        for middle in np.arange(left + 2.5, width - 0.7, 2.1):
            front.window(middle, 0.95, 1.2, 1.6)
        front.box(0, 0, left - 0.3, 0.5, (140, 134, 126))
        front.box(left + 1.3, 0, width, 0.5, (140, 134, 126))
    pipe = width - 0.25
    front.box(pipe, 0.2, pipe + 0.1, height - 0.4, (60, 60, 62))
    return texture(front.rgb, front.ids, light=f32(light))


@cache
def _surface(index: int) -> F32:
    """A stock of bare wall, 11 x 16 m: one brick or plaster each; house fronts are cut from it."""
    rng = np.random.default_rng([22, index])
    rows, columns = 16 * SCALE, 11 * SCALE
    if index < len(WALLS):
        wall = brick(rng, rows, columns, WALLS[index], SCALE)
    else:
        wall = tinted(PLASTER[index - len(WALLS)], 1 + 0.02 * noise(rng, rows, columns, 16, 2))
    return wall * (1 + 0.04 * noise(rng, rows, columns, 120, 3))[..., None]


@lru_cache(maxsize=16)
def gable(index: int, light: tuple[float, ...]) -> Texture:
    """A blind side wall of brick, 10 m wide and 14 m high, `SCALE` pixels a metre."""
    wall = _surface(index % len(WALLS))[: 14 * SCALE, : 10 * SCALE]
    return texture(wall, ID["Building"], light=f32(light))
