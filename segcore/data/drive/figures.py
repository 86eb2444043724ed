"""Draws people, cyclists, riders, prams and dogs from jointed limbs in 3D, so that they can turn and walk."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from segcore.data.drive.camera import Place, Vector, f32
from segcore.data.drive.canvas import Canvas
from segcore.data.drive.textures import ID

Tone = Vector

SKIN = ((226, 178, 148), (196, 142, 108), (142, 96, 70), (92, 62, 48), (238, 196, 170))
HAIR = ((42, 30, 24), (90, 60, 34), (24, 22, 24), (170, 130, 72), (150, 146, 142))
COATS = (
    (48, 54, 74), (122, 34, 40), (66, 84, 66), (178, 146, 98), (40, 40, 44), (90, 104, 128), (190, 186, 178),
    (136, 88, 60), (70, 46, 84),
)  # fmt: skip
BRIGHT = ((240, 84, 60), (250, 190, 30), (70, 170, 230), (236, 96, 160), (110, 200, 80))
TROUSERS = ((38, 44, 64), (58, 54, 52), (84, 80, 76), (28, 28, 32), (120, 104, 82))


@dataclass
class Limbs:
    """A growing list of tapered limbs in a figure's own axes: x to its right, y up, z forward, metres."""

    ends: list[tuple[Vector, Vector]] = field(default_factory=list)
    radii: list[tuple[float, float]] = field(default_factory=list)
    colors: list[Tone] = field(default_factory=list)

    def add(self, start: Vector, end: Vector, first: float, last: float, color: Tone) -> None:
        """One limb from `start` to `end` with its two radii."""
        self.ends.append((start, end))
        self.radii.append((first, last))
        self.colors.append(color)

    def chain(self, points: list[Vector], radii: list[float], color: Tone) -> None:
        """Limbs from joint to joint."""
        for (start, end), (first, last) in zip(pairwise(points), pairwise(radii), strict=True):
            self.add(start, end, first, last, color)

    def wheel(self, center: Vector, radius: float, thickness: float, color: Tone, spokes: Tone | None = None) -> None:
        """An upright wheel rolling forward."""
        x, y, z = center
        angles = np.linspace(0, 2 * math.pi, 15)
        rim = [(x, y + radius * math.sin(a), z + radius * math.cos(a)) for a in angles]
        self.chain(rim, [thickness] * 15, color)
        if spokes is not None:
            self.add((x, y - radius * 0.3, z), (x, y + radius * 0.3, z), radius * 0.5, radius * 0.5, spokes)

    def draw(self, canvas: Canvas, place: Place, heading: float, label: int, *, lit: bool, size: float = 1.0) -> None:
        """Paint at `place` (x, z), turned by `heading` radians (0 walks away from the camera)."""
        ends, radii = self._placed(place, heading, size)
        canvas.capsules(ends, radii, f32(self.colors), label, lit)

    def shadow(self, canvas: Canvas, place: Place, heading: float, size: float = 1.0) -> None:
        """Paint only the shadow."""
        canvas.capsule_shadows(*self._placed(place, heading, size))

    def _placed(self, place: Place, heading: float, size: float) -> tuple[np.ndarray, np.ndarray]:
        cos, sin = math.cos(heading), math.sin(heading)
        turn = f32([[cos, 0.0, -sin], [0.0, 1.0, 0.0], [sin, 0.0, cos]])
        ends = np.array(self.ends, np.float32) * f32(size) @ turn + f32([place[0], 0, place[1]])
        return f32(ends), np.array(self.radii, np.float32) * f32(size)


def _shaded(tone: Tone, factor: float) -> Tone:
    return tone[0] * factor, tone[1] * factor, tone[2] * factor


def _pick(rng: np.random.Generator, choices: tuple[Tone, ...]) -> Tone:
    return choices[int(rng.integers(len(choices)))]


def _head(limbs: Limbs, at: Vector, rng: np.random.Generator, helmet: Tone | None = None) -> None:
    x, y, z = at
    skin, hair = _pick(rng, SKIN), helmet or _pick(rng, HAIR)
    limbs.add((x, y - 0.22, z - 0.01), (x, y - 0.08, z), 0.055, 0.055, skin)
    limbs.add((x, y - 0.03, z + 0.02), (x, y + 0.03, z + 0.01), 0.092, 0.1, skin)
    for side in (-0.036, 0.036):
        limbs.add((x + side, y + 0.01, z + 0.1), (x + side, y + 0.012, z + 0.1), 0.011, 0.011, _shaded(skin, 0.5))
    grown = 0.108 if helmet is None else 0.12
    limbs.add((x, y + 0.03, z - 0.04), (x, y + 0.055, z - 0.012), grown, grown, hair)
    if helmet is None and rng.random() < 0.45:
        limbs.add((x, y, z - 0.06), (x, y - 0.2, z - 0.075), 0.1, 0.07, hair)


def walker(rng: np.random.Generator, phase: float, *, child: bool = False, pushing: bool = False) -> Limbs:
    """Someone walking; `phase` in radians, one turn is two steps. Children wear bright clothes and satchels."""
    limbs = Limbs()
    top = _pick(rng, BRIGHT if child else COATS)
    legs, shoe = _pick(rng, BRIGHT if child and rng.random() < 0.3 else TROUSERS), (30, 26, 26)
    skirt = rng.random() < 0.3
    long_coat = not child and rng.random() < 0.4
    broad = 1.0 if rng.random() < 0.5 else 0.88
    for side in (-1, 1):
        swing = math.sin(phase + (0 if side > 0 else math.pi))
        hip = (0.09 * side, 0.9, 0.0)
        lift = max(0.0, -math.cos(phase + (0 if side > 0 else math.pi)))
        knee = (0.1 * side, 0.5 + 0.05 * lift, 0.2 * swing + 0.1 * lift)
        ankle = (0.1 * side, 0.09 + 0.13 * lift, 0.34 * swing - 0.16 * lift)
        limbs.chain([hip, knee, ankle], [0.095, 0.066, 0.052], _pick(rng, SKIN) if skirt and child else legs)
        limbs.add(ankle, (0.11 * side, ankle[1] - 0.045, ankle[2] + 0.15), 0.055, 0.045, shoe)
        shoulder = (0.2 * side * broad, 1.4, 0.0)
        if pushing:
            elbow, hand = (0.25 * side, 1.15, 0.1), (0.2 * side, 1.03, 0.4)
        else:
            elbow, hand = (0.26 * side, 1.13, -0.12 * swing), (0.27 * side, 0.9, -0.26 * swing + 0.08)
        limbs.chain([shoulder, elbow, hand], [0.068, 0.056, 0.045], top)
        limbs.add(hand, (hand[0], hand[1] - 0.05, hand[2] + 0.02), 0.045, 0.04, _pick(rng, SKIN))
    for side in (-1, 1):
        limbs.add((0.07 * side, 0.95, 0), (0.1 * side * broad, 1.36, 0), 0.125 * broad, 0.125 * broad, top)
    limbs.add((-0.13 * broad, 1.4, 0), (0.13 * broad, 1.4, 0), 0.1, 0.1, top)
    if long_coat or skirt:
        low = 0.55 if long_coat else 0.62
        color = top if long_coat else _pick(rng, COATS)
        for side in (-1, 1):
            limbs.add((0.06 * side, 1.0, 0), (0.1 * side, low, 0.0), 0.13, 0.17, color)
    if child:
        limbs.add((0, 1.02, -0.16), (0, 1.3, -0.16), 0.13, 0.13, _pick(rng, BRIGHT))
    elif rng.random() < 0.4:
        bag = (0.33, 0.72, 0.05)
        limbs.add(bag, (0.33, 0.55, 0.05), 0.08, 0.12, _pick(rng, COATS))
    elif rng.random() < 0.3 and not pushing:
        limbs.add((0, 1.0, -0.17), (0, 1.32, -0.16), 0.14, 0.12, _pick(rng, COATS))
    _head(limbs, (0, 1.66 if not child else 1.68, 0.02), rng)
    if child:
        limbs.add((0, 1.7, -0.02), (0, 1.76, -0.02), 0.145, 0.13, _pick(rng, BRIGHT))
    return limbs


def pram(rng: np.random.Generator) -> Limbs:
    """A pram with hood, handle and four wheels, pushed forward from z = 0."""
    limbs, cloth, metal = Limbs(), _pick(rng, BRIGHT), (120, 122, 126)
    for side in (-1, 1):
        for z in (0.5, 1.1):
            limbs.wheel((0.26 * side, 0.17, z), 0.15, 0.025, (34, 34, 36), (150, 150, 152))
        limbs.chain([(0.22 * side, 1.03, 0.36), (0.24 * side, 0.62, 0.6), (0.24 * side, 0.2, 1.08)], [0.024] * 3, metal)
        limbs.add((0.24 * side, 0.62, 0.95), (0.24 * side, 0.2, 0.5), 0.024, 0.024, metal)
    limbs.add((-0.22, 1.03, 0.36), (0.22, 1.03, 0.36), 0.03, 0.03, (40, 40, 42))
    limbs.add((0, 0.58, 0.5), (0, 0.58, 1.15), 0.24, 0.22, cloth)
    limbs.add((-0.1, 0.74, 0.6), (0.1, 0.74, 0.6), 0.24, 0.24, _shaded(cloth, 0.7))
    limbs.add((0, 0.78, 0.64), (0, 0.86, 0.74), 0.27, 0.2, cloth)
    return limbs


def dog(rng: np.random.Generator, phase: float) -> Limbs:
    """A large dog, trotting."""
    limbs = Limbs()
    coat = _pick(rng, ((176, 122, 66), (158, 104, 54), (196, 148, 92)))
    dark, ear, pale = (_shaded(coat, factor) for factor in (0.78, 0.5, 1.25))
    limbs.add((0, 0.54, 0.24), (0, 0.56, 0.38), 0.2, 0.17, coat)  # chest
    limbs.add((0, 0.58, -0.34), (0, 0.54, 0.24), 0.14, 0.18, coat)
    limbs.add((0, 0.54, -0.38), (0, 0.58, -0.3), 0.15, 0.15, coat)
    for front in (-1, 1):
        for side in (-1, 1):
            swing = 0.15 * math.sin(phase + (0 if front * side > 0 else math.pi))
            hip = (0.1 * side, 0.46, 0.32 * front)
            knee = (0.1 * side, 0.24, hip[2] + swing * 0.4 - 0.04)
            limbs.chain([hip, knee, (0.1 * side, 0.04, hip[2] + swing)], [0.085, 0.045, 0.034], dark)
            limbs.add((0.1 * side, 0.03, hip[2] + swing), (0.1 * side, 0.03, hip[2] + swing + 0.07), 0.035, 0.03, pale)
    limbs.chain([(0, 0.64, 0.4), (0, 0.84, 0.52)], [0.13, 0.1], coat)
    limbs.add((0, 0.74, 0.46), (0, 0.75, 0.47), 0.125, 0.125, (190, 30, 36))  # collar
    limbs.add((0, 0.9, 0.55), (0, 0.9, 0.6), 0.115, 0.1, coat)
    limbs.add((0, 0.86, 0.64), (0, 0.83, 0.78), 0.065, 0.05, pale)
    limbs.add((0, 0.85, 0.81), (0, 0.85, 0.82), 0.028, 0.028, (24, 22, 22))
    for side in (-1, 1):
        limbs.add((0.1 * side, 0.97, 0.53), (0.13 * side, 0.82, 0.54), 0.04, 0.045, ear)
    limbs.chain([(0, 0.6, -0.46), (0, 0.72, -0.62), (0.05 * math.sin(phase), 0.92, -0.68)], [0.045, 0.04, 0.022], coat)
    return limbs


def cyclist(rng: np.random.Generator, phase: float) -> Limbs:
    """A rider on a bicycle, pedalling."""
    limbs, frame, top, legs = Limbs(), _pick(rng, BRIGHT), _pick(rng, BRIGHT), _pick(rng, TROUSERS)
    for z in (-0.5, 0.52):
        limbs.wheel((0, 0.34, z), 0.31, 0.026, (28, 28, 30))
    for start, end in (
        ((0, 0.34, -0.5), (0, 0.3, -0.02)), ((0, 0.3, -0.02), (0, 0.86, -0.22)), ((0, 0.86, -0.22), (0, 0.34, -0.5)),
        ((0, 0.3, -0.02), (0, 0.84, 0.36)), ((0, 0.8, -0.2), (0, 0.84, 0.36)), ((0, 0.95, 0.34), (0, 0.34, 0.52)),
    ):  # fmt: skip
        limbs.add(start, end, 0.024, 0.024, frame)
    limbs.add((-0.27, 1.0, 0.38), (0.27, 1.0, 0.38), 0.022, 0.022, (36, 36, 38))
    limbs.add((0, 0.93, -0.3), (0, 0.93, -0.12), 0.07, 0.04, (30, 30, 32))
    limbs.add((-0.04, 0.74, -0.5), (0.04, 0.74, -0.5), 0.05, 0.05, (214, 32, 30))
    for side in (-1, 1):
        angle = phase + (0 if side > 0 else math.pi)
        foot = (0.13 * side, 0.32 + 0.17 * math.sin(angle), 0.02 + 0.17 * math.cos(angle))
        hip = (0.1 * side, 0.98, -0.2)
        knee = (0.14 * side, (hip[1] + foot[1]) / 2 + 0.06, (hip[2] + foot[2]) / 2 + 0.26)
        limbs.chain([hip, knee, foot], [0.1, 0.075, 0.05], legs)
        limbs.add(foot, (foot[0], foot[1] - 0.03, foot[2] + 0.13), 0.05, 0.045, (240, 240, 236))
        arm: list[Vector] = [(0.19 * side, 1.42, 0.02), (0.27 * side, 1.18, 0.14), (0.25 * side, 1.03, 0.36)]
        limbs.chain(arm, [0.07, 0.055, 0.045], top)
        limbs.add((0.09 * side, 1.0, -0.2), (0.12 * side, 1.4, 0.0), 0.13, 0.12, top)
    limbs.add((0, 1.0, -0.22), (0, 1.4, -0.03), 0.13, 0.13, top)
    limbs.add((0, 1.12, -0.3), (0, 1.34, -0.2), 0.1, 0.1, (240, 232, 60))
    _head(limbs, (0, 1.68, 0.1), rng, helmet=_pick(rng, (*BRIGHT, (240, 240, 240))))
    return limbs


def scooter(rng: np.random.Generator, *, ridden: bool = True) -> Limbs:
    """A motor scooter with leg shield, top box and, when ridden, a rider in leather and a full helmet."""
    limbs, paint = Limbs(), _pick(rng, ((190, 26, 30), (230, 226, 214), (40, 110, 150), (60, 64, 70), (90, 150, 120)))
    for z in (-0.55, 0.62):
        limbs.wheel((0, 0.26, z), 0.2, 0.075, (26, 26, 28), (150, 150, 154))
    limbs.add((0, 0.62, -0.62), (0, 0.6, -0.05), 0.2, 0.2, paint)
    limbs.add((0, 0.4, -0.5), (0, 0.4, -0.1), 0.17, 0.17, _shaded(paint, 0.7))
    limbs.add((0, 0.34, -0.1), (0, 0.32, 0.4), 0.14, 0.14, (60, 60, 62))
    for side in (-1, 1):
        limbs.add((0.13 * side, 0.45, 0.42), (0.12 * side, 0.9, 0.42), 0.12, 0.12, paint)
    limbs.add((0, 0.5, 0.62), (0, 1.02, 0.42), 0.13, 0.12, paint)
    limbs.add((-0.34, 1.08, 0.38), (0.34, 1.08, 0.38), 0.035, 0.035, (36, 36, 38))
    limbs.add((0, 1.0, 0.52), (0, 1.0, 0.54), 0.1, 0.1, (252, 250, 236))
    limbs.add((0, 0.82, -0.5), (0, 0.82, 0.0), 0.12, 0.12, (32, 30, 30))
    limbs.add((-0.1, 0.98, -0.72), (0.1, 0.98, -0.72), 0.17, 0.17, (44, 44, 48))
    limbs.add((-0.12, 0.7, -0.82), (0.12, 0.7, -0.82), 0.06, 0.06, (220, 30, 30))
    limbs.add((-0.1, 0.5, -0.8), (0.1, 0.5, -0.8), 0.05, 0.05, (236, 206, 70))
    if ridden:
        leather = _pick(rng, ((40, 38, 42), (70, 30, 30), (50, 60, 80)))
        for side in (-1, 1):
            leg: list[Vector] = [(0.12 * side, 0.86, -0.16), (0.24 * side, 0.78, 0.26), (0.2 * side, 0.38, 0.24)]
            limbs.chain(leg, [0.11, 0.085, 0.065], (44, 50, 66))
            arm: list[Vector] = [(0.22 * side, 1.4, -0.1), (0.32 * side, 1.16, 0.1), (0.28 * side, 1.08, 0.36)]
            limbs.chain(arm, [0.08, 0.065, 0.05], leather)
            limbs.add((0.09 * side, 0.92, -0.18), (0.13 * side, 1.4, -0.12), 0.15, 0.14, leather)
        _head(limbs, (0, 1.68, -0.06), rng, helmet=None)
        helmet = _pick(rng, ((236, 236, 234), (190, 30, 34), (36, 38, 42)))
        limbs.add((0, 1.66, -0.08), (0, 1.72, -0.07), 0.155, 0.15, helmet)
    return limbs


LABELS = {
    "adult": ID["Pedestrian"],
    "child": ID["Child"],
    "pram": ID["CartLuggagePram"],
    "dog": ID["Animal"],
    "cyclist": ID["Bicyclist"],
    "scooter": ID["MotorcycleScooter"],
}
