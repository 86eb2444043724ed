"""A canvas that paints polygons and warped textures into an image and its mask at once, back to front."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from segcore.arrays import F32, U8
from segcore.data.drive.camera import FOCAL, HEIGHT, NEAR, WIDTH, Camera, Pixels, Points, f32, u8
from segcore.data.drive.textures import NOTHING, Texture

Color = Sequence[float] | F32
SUN = f32([-0.72, -1.0, 0.42])  # the way light travels: from the right, from behind
TO_SUN = -SUN / np.linalg.norm(SUN)
SUNLIT = f32([1.14, 1.06, 0.93])
SHADED = f32([0.56, 0.61, 0.70])  # blue sky light only
HAZE = f32([196, 212, 230])
_SHIFT = 4  # sub-pixel bits of OpenCV's polygons
_SHADOW_SCALE = 0.5


class Canvas:
    """An image and its mask, as painted so far, seen by a camera."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.image: U8 = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        self.meta: U8 = np.zeros((HEIGHT, WIDTH, 2), np.uint8)  # class id, haze 0..255
        self.shadow: U8 = np.zeros((HEIGHT // 2, WIDTH // 2), np.uint8)

    @staticmethod
    def haze(depth: float) -> int:
        """How much of the air's colour covers a thing `depth` metres away, 0..255."""
        return int(235 * (1 - math.exp(-max(depth, 0.0) / 230)))

    def scale(self, point: Sequence[float]) -> float:
        """Pixels a metre at a place; 0 behind the camera."""
        depth = float(self.camera.view(f32(point))[2])
        return FOCAL / depth if depth > NEAR else 0.0

    def fill(self, pixels: Pixels, color: Color, label: int, haze: int, *, smooth: bool = True) -> None:
        """Paint one polygon `[N, 2]` into both image and mask."""
        fixed = _fixed(pixels)
        cv2.fillPoly(self.meta, [fixed], (label, haze), cv2.LINE_8, _SHIFT)
        red, green, blue = map(float, color)
        cv2.fillPoly(self.image, [fixed], (red, green, blue), cv2.LINE_AA if smooth else cv2.LINE_8, _SHIFT)

    def polygon(self, points: Points, color: Color, label: int) -> None:
        """A flat polygon `[N, 3]` in the world, cut at the camera's near plane."""
        view = _clip(self.camera.view(f32(points)))
        if len(view) >= 3:
            depth = (float(view[0, 2]) + float(view[len(view) // 2, 2])) / 2
            self.fill(self.camera.to_pixels(view), color, label, self.haze(depth))

    def shade_polygon(self, points: Points, strength: int = 150) -> None:
        """Darken a polygon of the ground `[N, 3]`; softened and applied by `apply_shadow`."""
        view = _clip(self.camera.view(f32(points)))
        if len(view) >= 3:
            fixed = _fixed(self.camera.to_pixels(view) * _SHADOW_SCALE)
            cv2.fillPoly(self.shadow, [fixed], strength, cv2.LINE_8, _SHIFT)

    def shade_texture(self, alpha: U8, corners: Points, strength: int) -> None:
        """Darken the ground through a stencil `[H, W]` on a quad `[4, 3]`."""
        pixels, depth = self.camera.project(corners)
        if depth.min() < NEAR:
            return
        pixels = pixels * _SHADOW_SCALE
        rows, columns = alpha.shape
        (left, top), (right, bottom) = np.floor(pixels.min(axis=0)), np.ceil(pixels.max(axis=0)) + 1
        height, width = self.shadow.shape
        left, top, right, bottom = (int(v) for v in (max(left, 0), max(top, 0), min(right, width), min(bottom, height)))
        if right <= left or bottom <= top:
            return
        source = f32([(0, 0), (columns, 0), (columns, rows), (0, rows)])
        matrix = cv2.getPerspectiveTransform(source, f32(pixels - f32([left, top])))
        warped = cv2.warpPerspective(alpha, matrix, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
        region = self.shadow[top:bottom, left:right]
        cv2.max(region, cv2.convertScaleAbs(warped, alpha=strength / 255), dst=region)

    def apply_shadow(self) -> None:
        """Multiply the picture by all ground shadows: less light, and bluer."""
        rows = slice(int(HEIGHT * 0.4), HEIGHT)
        soft = cv2.GaussianBlur(self.shadow[rows.start // 2 :], (0, 0), 1.4)
        soft = cv2.resize(soft, (WIDTH, rows.stop - rows.start), interpolation=cv2.INTER_LINEAR)
        tint = cv2.merge([cv2.LUT(soft, _shadow_curve(amount)) for amount in (0.98, 0.9, 0.78)])
        self.image[rows] = cv2.multiply(self.image[rows], tint, scale=1 / 255)

    def warp(self, texture: Texture, source: Pixels, corners: Points, *, label: int | None = None) -> None:
        """A texture on a flat quad.

        Args:
            texture: Colours with alpha, and ids.
            source: `[4, 2]` corners in texture pixels.
            corners: `[4, 3]` the same corners in the world, all in front of the camera.
            label: Id of every pixel; the texture's own ids when None.
        """
        pixels, depth = self.camera.project(corners)
        if depth.min() < NEAR:
            return
        low = np.floor(pixels.min(axis=0)).astype(int) - 1
        high = np.ceil(pixels.max(axis=0)).astype(int) + 2
        left, top = max(int(low[0]), 0), max(int(low[1]), 0)
        right, bottom = min(int(high[0]), WIDTH), min(int(high[1]), HEIGHT)
        if right - left < 1 or bottom - top < 1:
            return
        spans = np.hypot(*(pixels[[1, 2, 3, 0]] - pixels).T)
        lengths = np.hypot(*(source[[1, 2, 3, 0]] - source).T)
        across = max(lengths[0], lengths[2]) / max((spans[0] + spans[2]) / 2, 1)
        down = max(lengths[1], lengths[3]) / max((spans[1] + spans[3]) / 2, 1)
        colors, ids, step = texture.level(across, down)
        matrix = cv2.getPerspectiveTransform(f32(source) / f32(step), f32(pixels - f32([left, top])))
        size = (right - left, bottom - top)
        warped = u8(cv2.warpPerspective(colors, matrix, size, flags=cv2.INTER_LINEAR))
        classes = cv2.warpPerspective(ids, matrix, size, flags=cv2.INTER_NEAREST, borderValue=(NOTHING,))
        alpha = u8(cv2.extractChannel(warped, 3))
        self._blend(slice(top, bottom), slice(left, right), warped, alpha)
        drawn = classes != NOTHING
        if texture.lacy:
            drawn &= alpha > 127
        region = self.meta[top:bottom, left:right]
        haze = np.linspace(*self._haze_span(pixels, depth, left, right), right - left).astype(np.uint8)
        meta = np.empty_like(region)
        meta[..., 0] = classes if label is None else label
        meta[..., 1] = haze
        cv2.copyTo(meta, drawn.view(np.uint8), region)

    def _haze_span(self, pixels: Pixels, depth: F32, left: int, right: int) -> tuple[int, int]:
        """Haze at the left and right end of a warped region."""
        near, far = int(depth.argmin()), int(depth.argmax())
        if abs(float(pixels[near, 0] - pixels[far, 0])) < 2:
            return self.haze(float(depth.mean())), self.haze(float(depth.mean()))
        # 1 / depth is linear in screen x on a plane.
        ends = sorted([(float(pixels[i, 0]), 1 / float(depth[i])) for i in (near, far)])
        first, last = np.interp([left, right], [end[0] for end in ends], [end[1] for end in ends])
        return self.haze(1 / first), self.haze(1 / last)

    def _blend(self, rows: slice, columns: slice, premultiplied: U8, alpha: U8) -> None:
        region = self.image[rows, columns]
        rest = cv2.cvtColor(cv2.bitwise_not(alpha), cv2.COLOR_GRAY2BGR)
        under = cv2.multiply(region, rest, scale=1 / 255)
        cv2.add(under, cv2.cvtColor(premultiplied, cv2.COLOR_BGRA2BGR), dst=under)
        self.image[rows, columns] = under

    def billboard(
        self, texture: Texture, base: Sequence[float], width: float, height: float, label: int | None = None
    ) -> None:
        """A texture standing upright at `base` (middle of its lower edge), facing down the street."""
        x, y, z = base
        rows, columns = texture.colors.shape[:2]
        half = width / 2
        corners = [(x - half, y + height, z), (x + half, y + height, z), (x + half, y, z), (x - half, y, z)]
        source = f32([(0, 0), (columns, 0), (columns, rows), (0, rows)])
        self.warp(texture, source, f32(corners), label=label)

    def mesh(self, faces: Points, normals: Points, colors: F32, label: int) -> None:
        """Quads `[N, 4, 3]` of one convex thing with outward normals `[N, 3]`, in flat colours `[N, 3]`."""
        view = self.camera.view(faces)
        pixels = self.camera.to_pixels(view)
        facing = ((self.camera.position - faces.mean(axis=1)) * normals).sum(axis=1) > 0
        kept = np.flatnonzero(facing & (view[..., 2].min(axis=1) > NEAR))
        if not len(kept):
            return
        order = kept[np.argsort(-view[kept, :, 2].mean(axis=1), kind="stable")]
        haze = self.haze(float(view[kept, :, 2].mean()))
        fixed = _fixed(pixels)
        for index in order:
            red, green, blue = colors[index].tolist()
            cv2.fillConvexPoly(self.image, fixed[index], (red, green, blue), cv2.LINE_AA, _SHIFT)
            cv2.fillConvexPoly(self.meta, fixed[index], (label, haze), cv2.LINE_8, _SHIFT)

    def capsules(self, ends: Points, radii: F32, colors: F32, label: int, lit: bool) -> None:
        """Tapered limbs: `[N, 2, 3]` ends, `[N, 2]` radii in metres, `[N, 3]` colours; rounded by light and shade."""
        view = self.camera.view(ends)
        if view[..., 2].min() < NEAR:
            return
        pixels = self.camera.to_pixels(view)
        size = radii * FOCAL / view[..., 2]
        haze = self.haze(float(view[0, 0, 2]))
        order = np.argsort(-view[..., 2].sum(axis=1), kind="stable")
        order = order[size.max(axis=1)[order] > 0.45]  # thinner than a pixel: not to be seen
        light = SUNLIT if lit else SHADED
        turns = _turns(pixels)
        outline = _fixed(_outlines(pixels, size, turns))
        offset = f32([0.34, -0.2])  # towards the sun, on screen
        inner = _fixed(_outlines(pixels + offset * size[..., None], size * 0.62, turns))
        dark = np.clip(colors * light * (0.66 if lit else 0.84), 0, 255).tolist()
        bright = np.clip(colors * light * 1.08 + 6, 0, 255).tolist()
        rounded = (size.max(axis=1) > 1.9).tolist()
        for index in order.tolist():
            cv2.fillConvexPoly(self.meta, outline[index], (label, haze), cv2.LINE_8, _SHIFT)
            cv2.fillConvexPoly(self.image, outline[index], dark[index], cv2.LINE_AA, _SHIFT)
            if rounded[index]:
                cv2.fillConvexPoly(self.image, inner[index], bright[index], cv2.LINE_AA, _SHIFT)

    def capsule_shadows(self, ends: Points, radii: F32, strength: int = 140) -> None:
        """The shadows of the same limbs on the ground."""
        ground = ends + SUN * (ends[..., 1:2] / -SUN[1])
        view = self.camera.view(ground)
        if view[..., 2].min() < NEAR:
            return
        size = radii * FOCAL / view[..., 2] * _SHADOW_SCALE
        pixels = self.camera.to_pixels(view) * _SHADOW_SCALE
        for polygon in _fixed(_outlines(pixels, size, _turns(pixels))):
            cv2.fillConvexPoly(self.shadow, polygon, strength, cv2.LINE_8, _SHIFT)


def _fixed(pixels: F32) -> npt.NDArray[np.int32]:
    """Pixels as OpenCV's fixed point."""
    return np.rint(pixels * (1 << _SHIFT)).astype(np.int32)


def _shadow_curve(amount: float) -> U8:
    return np.clip(255 - np.arange(256) * amount, 30, 255).astype(np.uint8)


def _clip(view: Points) -> Points:
    """A polygon in camera axes without what is nearer than `NEAR` (Sutherland and Hodgman 1974, one plane)."""
    inside = view[:, 2] > NEAR
    if inside.all():
        return view
    kept = []
    for index, point in enumerate(view):
        following = (index + 1) % len(view)
        if inside[index]:
            kept.append(point)
        if inside[index] != inside[following]:
            part = (NEAR - point[2]) / (view[following][2] - point[2])
            kept.append(point + part * (view[following] - point))
    return f32(kept).reshape(-1, 3)


_TURN = np.linspace(math.pi / 2, 3 * math.pi / 2, 9, dtype=np.float32)


def _turns(ends: F32) -> F32:
    """`[N, 2, 2]` pixel ends -> `[N, 18, 2]` unit vectors around the two half circles of their outlines."""
    along = ends[:, 1] - ends[:, 0]
    angle = np.arctan2(along[:, 1], along[:, 0])[:, None] + _TURN
    half = np.stack([np.cos(angle), np.sin(angle)], axis=2)
    return np.concatenate([half, -half], axis=1)


def _outlines(ends: F32, radii: F32, turns: F32) -> F32:
    """Limbs with `[N, 2]` pixel radii as polygons `[N, 18, 2]`."""
    return np.repeat(ends, len(_TURN), axis=1) + np.repeat(radii, len(_TURN), axis=1)[..., None] * turns
