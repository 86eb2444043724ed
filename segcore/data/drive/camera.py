"""The camera of the drive: projects metres (x right, y up, z down the street) to pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from segcore.arrays import F32, U8

HEIGHT, WIDTH = 720, 960  # pixels, as CamVid's frames
FOCAL = 780.0  # pixels
CENTER = (WIDTH / 2, 318.0)  # where the street meets the horizon in a level camera
NEAR = 0.6  # metres; nothing closer is drawn
EYE = 1.5  # metres of the camera above the road

Points = F32  # [N, 3] metres
Pixels = F32  # [N, 2] x, y
Place = tuple[float, float]  # x, z in metres
Vector = tuple[float, float, float]


def f32(values: npt.ArrayLike) -> F32:
    """Numbers as a float32 array."""
    return np.asarray(values, np.float32)


def u8(values: npt.ArrayLike) -> U8:
    """An array as bytes; OpenCV's results are typed as anything."""
    return np.asarray(values, np.uint8)


def on_ground(left: float, near: float, right: float, far: float) -> Points:
    """A rectangle of the ground, `[4, 3]`."""
    return f32([(left, 0, near), (right, 0, near), (right, 0, far), (left, 0, far)])


def facing(left: float, low: float, right: float, high: float, z: float) -> Points:
    """An upright rectangle across the street, `[4, 3]`."""
    return f32([(left, low, z), (right, low, z), (right, high, z), (left, high, z)])


@dataclass(frozen=True)
class Camera:
    """A pinhole behind the windscreen.

    Args:
        x: Metres right of the lane's middle.
        y: Metres above the road.
        z: Metres driven.
        yaw: Radians to the right.
        pitch: Radians upwards.
        roll: Radians clockwise.
        time: Frames since the start; what moves stands where this says.
    """

    x: float
    y: float
    z: float
    yaw: float
    pitch: float
    roll: float
    time: float

    @cached_property
    def rotation(self) -> F32:
        """`[3, 3]` world to camera axes."""
        (cy, sy), (cp, sp), (cr, sr) = ((math.cos(a), math.sin(a)) for a in (self.yaw, self.pitch, self.roll))
        yaw = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
        pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
        roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        return (roll @ pitch @ yaw).astype(np.float32)

    @cached_property
    def position(self) -> Points:
        """`[3]` metres."""
        return np.array([self.x, self.y, self.z], np.float32)

    def view(self, points: Points) -> Points:
        """World points `[..., 3]` in the camera's axes; the last is depth in metres."""
        return f32((f32(points) - self.position) @ self.rotation.T)

    @staticmethod
    def to_pixels(view: Points) -> Pixels:
        """Camera points `[..., 3]` -> pixels `[..., 2]`; points behind the camera are pushed to `NEAR`."""
        depth = np.maximum(view[..., 2:], NEAR)
        pixels = view[..., :2] * f32([FOCAL, -FOCAL]) / depth + f32(CENTER)
        return f32(np.minimum(np.maximum(pixels, -8000), 8000))

    def project(self, points: Points) -> tuple[Pixels, F32]:
        """World points `[..., 3]` -> pixels `[..., 2]` and depths `[...]` in metres."""
        view = self.view(points)
        return self.to_pixels(view), view[..., 2]
