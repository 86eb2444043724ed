"""Places everything in the street at a time: plots on both sides, street furniture, traffic, people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from segcore.data.drive.camera import EYE, Camera

FRAMES, TRAIN = 101, 90
STEP = 1.6  # metres a frame
GAP = 45  # frames of street left out between train and test: 72 m
BLOCK = 48.0  # metres; every block has one of everything, in its own order and looks
VIEW = 125.0  # metres

# The street's cross-section, metres right of the ego lane's middle (they drive on the left).
LEFT_WALL, LEFT_KERB, LEFT_EDGE = -6.8, -2.95, -1.75
CENTER_LINE, RIGHT_EDGE, RIGHT_KERB, RIGHT_WALL = 1.75, 5.1, 7.1, 9.8
STRIP_LEFT, STRIP_RIGHT, STRIP_LENGTH, STRIP_SCALE = -10.0, 14.0, 16.0, 64  # metres; pixels a metre

PLOTS = ("shop", "house", "arch", "shop", "wall", "fence")
PARKED = ("car", "suv", "scooter", "car", "blocks", "car")
ONCOMING = ("car", "suv", "scooter", "car", "bus", "car", "suv", "scooter", "car", "truck")
WALKERS = ("adult", "child", "dog", "pram", "child", "dog", "adult", "pram")


@dataclass(frozen=True)
class Plot:
    """A stretch of one side: a house front, or a garden behind a wall or fence."""

    kind: str
    side: int  # -1 left, 1 right
    start: float  # metres down the street
    width: float
    height: float
    index: int


@dataclass(frozen=True)
class Thing:
    """Something in the street at x, z (metres); `variant` seeds its looks, `phase` (radians) its gait."""

    kind: str
    x: float
    z: float
    variant: int
    heading: float = 0.0  # radians; 0 looks down the street
    phase: float = 0.0
    away: bool = True


def camera_at(number: int, seed: int) -> Camera:
    """The camera of frame `number` 0..100: steady speed, a little sway; test frames lie `GAP` further on."""
    time = float(number + (GAP if number >= TRAIN else 0))
    a, b, c = np.random.default_rng([seed, 1]).uniform(0, 6.28, 3)
    return Camera(
        x=-0.05 + 0.12 * float(np.sin(time / 19 + a)),
        y=EYE + 0.012 * float(np.sin(time * 1.3 + b)),
        z=STEP * time,
        yaw=0.022 * float(np.sin(time / 23 + b)) + 0.012,
        pitch=0.004 * float(np.sin(time * 0.9 + c)),
        roll=0.006 * float(np.sin(time / 7 + a)),
        time=time,
    )


@lru_cache(maxsize=64)
def plots(seed: int, side: int, block: int) -> tuple[Plot, ...]:
    """The plots of one block on one side, near to far."""
    rng = np.random.default_rng([seed, 2, side + 1, block + 100])
    order = rng.permutation(len(PLOTS))
    widths = rng.uniform(6.8, 9.2, len(PLOTS))
    widths *= BLOCK / widths.sum()
    made, start = [], block * BLOCK
    for position, choice in enumerate(order):
        kind, width = PLOTS[choice], float(widths[position])
        floors = int(rng.integers(2, 4))
        height = 3.7 + 3.0 * floors + float(rng.uniform(0.2, 0.9)) - (1.0 if side > 0 else 0.0)
        made.append(Plot(kind, side, start, width, height, block * len(PLOTS) + position))
        start += width
    return tuple(made)


def plots_in_view(seed: int, side: int, z: float) -> list[Plot]:
    """Plots of one side that may be seen from `z`, far to near."""
    first, last = int((z - 4) // BLOCK), int((z + VIEW) // BLOCK)
    in_blocks = [plot for block in range(first, last + 1) for plot in plots(seed, side, block)]
    return [plot for plot in reversed(in_blocks) if z + 3 < plot.start + plot.width and plot.start < z + VIEW]


@lru_cache(maxsize=32)
def furniture(seed: int, block: int) -> tuple[Thing, ...]:
    """The things that stand still in one block: trees, lamps, signs, lights, parked cars, road works."""
    rng = np.random.default_rng([seed, 3, block + 100])
    start, made = block * BLOCK, []

    def put(kind: str, x: float, z: float, **more: float | bool) -> None:
        made.append(Thing(kind, x, start + z, int(rng.integers(1 << 30)), **more))  # type: ignore[arg-type]

    for side, curb in ((-1, LEFT_KERB - 0.5), (1, RIGHT_KERB + 0.5)):
        for place in (4, 20, 36):
            put("tree", curb + (0.1 * side), place + rng.uniform(-2, 2) + (3 if side > 0 else 0))
        for place in (11, 35):
            put("lamp", curb, place + (12 if side > 0 else 0))
        for place in (8, 16, 25, 41):
            put("sign", curb + 0.05 * side, place + rng.uniform(-1.5, 1.5))
        for place in (14, 31):
            put("light", curb, place)
        for place in (15, 37):
            put("railing", LEFT_KERB - 0.3 if side < 0 else RIGHT_KERB + 0.3, place)
        put("post", curb - 0.2 * side, 28 + rng.uniform(-2, 2))
        for place in (2, 23, 45):
            put("bush", (LEFT_WALL + 0.7) if side < 0 else (RIGHT_WALL - 0.7), place + rng.uniform(-3, 3))
    for kind, x, places in (
        ("dog", LEFT_KERB - 1.3, (10, 31)),
        ("child", LEFT_KERB - 0.9, (5, 26, 46)),
        ("pram", LEFT_KERB - 1.7, (22, 44)),
        ("dog", RIGHT_KERB + 1.1, (20, 42)),
        ("child", RIGHT_KERB + 0.9, (10, 30)),
    ):
        for spot in places:  # those who wait, look into windows, or sit outside a shop
            at, heading = spot + rng.uniform(-2, 2), rng.choice((-1.3, 1.3)) + rng.uniform(-0.4, 0.4)
            put(kind, x, at, heading=heading, phase=0.3)
            if kind != "pram":
                put("adult", x - 0.5, at + 0.9, heading=heading + 1.0, phase=0.2)
    for start_z in (2.0, 20.0):  # road works on the left
        for shift in np.arange(0, 7.1, 1.4):
            put("cone", -2.0 + rng.uniform(-0.08, 0.08), start_z + shift + rng.uniform(-0.1, 0.1))
        for shift in (1.5, 4.0, 6.5):
            put("block", -2.62, start_z + shift)
    for slot, choice in enumerate(rng.permutation(len(PARKED))):
        x, z, kind = 6.12, slot * 8 + 4 + rng.uniform(-0.6, 0.6), PARKED[choice]
        if kind == "scooter":
            for shift in (-1.6, 0.2, 2.0):
                put("parked scooter", x + rng.uniform(-0.3, 0.3), z + shift, heading=rng.uniform(-0.7, 0.7))
        elif kind == "blocks":
            for shift in (-2.6, 0.0, 2.6):
                put("block", x, z + shift)
        elif kind:
            put(kind, x, z, away=False)
    return tuple(made)


def bridge_z(seed: int, number: int) -> float:
    """Where the footbridge number 0, 1, ... crosses, metres."""
    return 108 + 150 * number + float(np.random.default_rng([seed, 4, number]).uniform(-4, 4))


def _stream(z: float, time: float, spacing: float, speed: float, reach: float) -> Iterator[tuple[int, float]]:
    """Members of an endless moving row that are within `reach` ahead of `z`: number and place."""
    first = int(np.ceil((z - 2 - speed * time) / spacing))
    for index in range(first, first + int(reach / spacing) + 1):
        yield index, index * spacing + speed * time


def traffic(seed: int, camera: Camera) -> list[Thing]:
    """The things that move: cars ahead and oncoming, cyclists, riders, people on both pavements."""
    time, z, made = camera.time, camera.z, []
    epoch = int(time > TRAIN + GAP / 2)
    leaders = np.random.default_rng([seed, 5, epoch])
    shift = leaders.uniform(0, 6.28)
    kinds = ("car", "suv") if leaders.random() < 0.5 else ("suv", "car")
    for rank, kind in enumerate((kinds[0], "scooter", "truck" if epoch else "bus", kinds[1])):
        ahead = (19, 12.5, 44, 64)[rank] + (3.0, 1.8, 4, 5)[rank] * np.sin(time / 14 + shift + rank)
        made.append(Thing(kind, 1.1 if kind == "scooter" else 0.05, z + float(ahead), int(leaders.integers(1 << 30))))
    for index, place in _stream(z, time, 13.5, -1.1, 120):
        rng = np.random.default_rng([seed, 6, index + 10000])
        kind = ONCOMING[index % len(ONCOMING)]
        x = 3.45 + rng.uniform(-0.15, 0.15)
        made.append(Thing(kind, x, place, int(rng.integers(1 << 30)), heading=np.pi, away=False))
    for index, place in _stream(z, time, 19.0, 1.15, 100):
        rng = np.random.default_rng([seed, 7, index + 10000])
        x = -1.38 + rng.uniform(-0.12, 0.12)
        made.append(Thing("cyclist", x, place, int(rng.integers(1 << 30)), 0.0, time * 0.9 + index))
    for index, place in _stream(z, time, 26.0, -0.5, 100):
        rng = np.random.default_rng([seed, 8, index + 10000])
        made.append(Thing("cyclist", 4.95, place, int(rng.integers(1 << 30)), np.pi, time * 0.9 + index, away=False))
    for side, (low, high) in ((-1, (LEFT_WALL + 0.9, LEFT_KERB - 0.8)), (1, (RIGHT_KERB + 0.8, RIGHT_WALL - 0.9))):
        for row, speed in enumerate((0.16, -0.16)):
            for index, place in _stream(z, time, 8.0, speed, 52):
                rng = np.random.default_rng([seed, 9, side + 1, row, index + 10000])
                kind = WALKERS[(index + 3 * row) % len(WALKERS)]
                x = (low, (low + high) / 2, high)[int(rng.integers(2)) + row] + rng.uniform(-0.15, 0.15)
                someone = _walker(kind, x, place + rng.uniform(-1.5, 1.5), speed, time, rng)
                made.append(someone)
                if kind in ("dog", "child"):  # neither goes out alone
                    beside = x + (0.75 if x < (low + high) / 2 else -0.75)
                    made.append(_walker("adult", beside, someone.z + 0.4, speed, time, rng))
    return made


def _walker(kind: str, x: float, z: float, speed: float, time: float, rng: np.random.Generator) -> Thing:
    heading = (0.0 if speed > 0 else np.pi) + rng.uniform(-0.2, 0.2)
    return Thing(kind, x, z, int(rng.integers(1 << 30)), heading, time * 0.75 + rng.uniform(0, 6), away=speed > 0)


def sunny(seed: int, x: float, z: float) -> bool:
    """Whether the sun reaches the ground at x, z past the houses on the right."""
    return x < shadow_edge(seed, z) + 0.2


def shadow_edge(seed: int, z: float) -> float:
    """How far left (metres) the right-hand houses' shadow reaches near `z`."""
    block = int(z // BLOCK)
    for plot in plots(seed, 1, block):
        if plot.start <= z < plot.start + plot.width:
            tall = plot.kind not in ("wall", "fence")
            return RIGHT_WALL - (plot.height * 0.72 if tall else 1.2)
    return RIGHT_EDGE
