"""Draws the background: sky, ground with its markings and shadows, house fronts and gardens."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from segcore.data.drive import world
from segcore.data.drive.camera import FOCAL, HEIGHT, WIDTH, f32, on_ground
from segcore.data.drive.canvas import HAZE, SHADED, SUN, SUNLIT, Canvas
from segcore.data.drive.facades import SCALE, facade, gable
from segcore.data.drive.textures import ID, Texture, brick, ground, hedge, noise, sky, texture, tinted

FAR = 600.0  # metres; where the ground ends
_BANDS = ((0.0, (0, 1)), (9.0, (0, 3)), (22.0, (1, 5)), (55.0, (2, 7)))  # from this depth, ground at (across, along)
WHITE, YELLOW = (226, 226, 220), (222, 184, 70)


def paint_sky(canvas: Canvas, seed: int) -> None:
    """Sky above the horizon, drifting slowly."""
    picture, camera = sky(seed), canvas.camera
    horizon = 318 + FOCAL * camera.pitch
    left = 150 + camera.yaw * FOCAL + camera.time * 0.25
    matrix = f32([[1, 0, -left], [0, 1, horizon - picture.shape[0] + 40]])
    flags, border = cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
    canvas.image[:420] = cv2.warpAffine(picture, matrix, (WIDTH, 420), flags=flags, borderMode=border)
    canvas.image[420:] = HAZE
    canvas.meta[..., 0] = ID["Sky"]


def paint_ground(canvas: Canvas, seed: int) -> None:
    """Asphalt, setts, kerbs and paving seen in perspective, in bands of falling detail."""
    camera = canvas.camera
    near, far = camera.z + 2.2, camera.z + FAR
    corners = on_ground(world.STRIP_LEFT, far, world.STRIP_RIGHT, near)
    pixels, _ = camera.project(corners)
    start = camera.z - camera.z % world.STRIP_LENGTH
    for position, (low, level) in enumerate(_BANDS):
        high = _BANDS[position + 1][0] if position + 1 < len(_BANDS) else FAR
        depths = (high, max(low, 2.0))
        rows = [int(np.clip(camera.project(f32([0, 0, camera.z + depth]))[0][1], 0, HEIGHT)) for depth in depths]
        rows[0] -= 3 if high < FAR else 0
        rows[1] += 8 if low > 0 else 40
        top, bottom = max(rows[0], 0), min(rows[1], HEIGHT)
        if bottom <= top:
            continue
        strip = ground(seed)[level]
        scale = f32([world.STRIP_SCALE / 2 ** level[0], world.STRIP_SCALE / 2 ** level[1]])
        source = ((corners[:, [0, 2]] - f32([world.STRIP_LEFT, start])) * scale).astype(np.float32)
        inverse = cv2.getPerspectiveTransform((pixels - f32([0, top])).astype(np.float32), source)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (WIDTH, bottom - top)
        seen = cv2.warpPerspective(strip, inverse, size, flags=flags, borderMode=cv2.BORDER_WRAP)
        canvas.image[top:bottom] = cv2.cvtColor(seen, cv2.COLOR_RGBA2RGB)
    z0, z1 = camera.z + 1.0, far
    for low, high, name in (
        (world.STRIP_LEFT - 300, world.LEFT_KERB, "Sidewalk"),
        (world.LEFT_KERB, world.LEFT_EDGE, "RoadShoulder"),
        (world.LEFT_EDGE, world.RIGHT_EDGE, "Road"),
        (world.RIGHT_EDGE, world.RIGHT_KERB, "RoadShoulder"),
        (world.RIGHT_KERB, world.STRIP_RIGHT + 300, "Sidewalk"),
    ):
        for a, b in ((z0, z0 + 12), (z0 + 12, z0 + 40), (z0 + 40, z0 + 140), (z0 + 140, z1)):
            outline = on_ground(low, a, high, b)
            fixed = np.round(camera.project(outline)[0] * 16).astype(np.int32)
            cv2.fillConvexPoly(canvas.meta, fixed, (ID[name], canvas.haze((a + b) / 2 - camera.z)), cv2.LINE_8, 4)


def paint_markings(canvas: Canvas, seed: int) -> None:
    """Centre dashes, edge lines, zebra crossings, hatching and arrows, a little worn."""
    z = canvas.camera.z

    def stripe(
        x0: float, x1: float, a: float, b: float, color: tuple[float, ...], label: str, skew: float = 0.0
    ) -> None:
        if b > z + 1 and a < z + 80:
            points = f32([(x0, 0, a), (x1, 0, a), (x1 + skew, 0, b), (x0 + skew, 0, b)])
            canvas.polygon(points, f32(color), ID[label])

    first = int((z - 4) // 6)
    for index in range(first, first + 20):
        stripe(world.CENTER_LINE - 0.1, world.CENTER_LINE + 0.1, index * 6.0, index * 6.0 + 3.6, WHITE, "LaneMkgsDriv")
    for edge in (world.LEFT_EDGE, world.RIGHT_EDGE):
        for a in np.arange(z // 10 * 10, z + 80, 10):
            stripe(edge - 0.09, edge + 0.09, a, a + 10, YELLOW if edge < 0 else WHITE, "LaneMkgsDriv")
    for block in range(int((z - 10) // world.BLOCK), int((z + 80) // world.BLOCK) + 1):
        start = block * world.BLOCK
        for x in np.arange(world.LEFT_EDGE + 0.3, world.RIGHT_EDGE - 0.4, 0.95):  # the crossing by the lights
            stripe(x, x + 0.5, start + 15.5, start + 18.5, WHITE, "LaneMkgsNonDriv")
        for side in (world.LEFT_EDGE + 0.1, world.CENTER_LINE + 0.1):  # stop lines
            stripe(side, side + 3.1, start + 13.8, start + 14.2, WHITE, "LaneMkgsNonDriv")
        for place in (26.0, 42.0):  # straight-on arrows
            a = start + place
            stripe(-0.11, 0.11, a, a + 3.0, WHITE, "LaneMkgsNonDriv")
            head = f32([(-0.5, 0, a + 2.9), (0.5, 0, a + 2.9), (0, 0, a + 4.8)])
            if a + 5 > z + 1 and a < z + 80:
                canvas.polygon(head, f32(WHITE), ID["LaneMkgsNonDriv"])
        for a in np.arange(30, 38, 1.6):  # hatching on the oncoming side
            stripe(2.1, 2.5, start + a, start + a + 1.0, WHITE, "LaneMkgsNonDriv", skew=0.7)
        rng = np.random.default_rng([seed, 51, block + 100])
        for _ in range(4):  # manholes and patches
            x, a = rng.uniform(-1.2, 4.4), start + rng.uniform(0, world.BLOCK)
            if z + 1 < a < z + 60:
                tone, half = ((74, 74, 76), 0.34) if rng.random() < 0.5 else ((96, 95, 97), rng.uniform(0.4, 0.9))
                corners, turn = (16, 0.0) if half == 0.34 else (5, np.pi / 4)
                angles = np.linspace(0, 2 * np.pi, corners)[:-1] + turn
                points = np.stack([x + half * np.cos(angles), 0 * angles, a + 1.6 * half * np.sin(angles)], axis=1)
                canvas.polygon(f32(points), f32(tone), ID["Road"])


@lru_cache(maxsize=64)
def _garden(seed: int, kind: str, index: int, light: tuple[float, ...]) -> Texture:
    """A garden wall with coping, or railings in front of dark planting; 4 m wide, 40 pixels a metre."""
    rng = np.random.default_rng([seed, 52, index])
    lit = f32(light)
    if kind == "wall":
        rows, columns = 76, 320
        rgb = brick(rng, rows, columns, ((150, 138, 122), (160, 120, 96), (140, 136, 130))[index % 3], 40)
        rgb *= (1 + 0.08 * noise(rng, rows, columns, 50, 3))[..., None]
        rgb[:9] = (206, 198, 182)
        rgb[9:13] *= 0.55
        return texture(rgb, ID["Wall"], light=lit)
    rows, columns = 64, 320
    wood = rng.random() < 0.5
    x = np.arange(columns)
    if wood:
        board = x // 8
        tone = 1 + 0.1 * rng.standard_normal(board.max() + 1)[board]
        grain = 1 + 0.05 * noise(rng, rows, columns, 5, 2)
        rgb = tinted((150, 112, 78), (tone[None] * grain).astype(np.float32))
        rgb[:, x % 8 == 0] *= 0.5
        alpha = np.ones((rows, columns), np.float32)
        alpha[:4, x % 8 > 5] = 0
        rgb[[16, 48]] *= 0.72
        return texture(rgb, ID["Fence"], alpha, light=lit)
    rgb = tinted((46, 54, 58), np.ones((rows, columns), np.float32))
    alpha = np.full((rows, columns), 0.0, np.float32)
    alpha[:, x % 9 < 3] = 1
    rgb[:, x % 9 == 1] *= 1.5
    alpha[6:10] = alpha[50:54] = 1
    alpha[:6, x % 9 != 1] *= 0.6
    alpha[:, x % 80 < 5] = 1
    return texture(rgb, ID["Fence"], alpha, light=lit)


@lru_cache(maxsize=32)
def _hedge(seed: int, index: int, light: tuple[float, ...]) -> Texture:
    rng = np.random.default_rng([seed, 53, index])
    color = ((66, 104, 48), (84, 112, 52))[index % 2]
    lit = [float(channel * factor) for channel, factor in zip(color, light, strict=True)]
    return hedge(rng, 400, 150, (lit[0], lit[1], lit[2]), ID["VegetationMisc"])


@lru_cache(maxsize=32)
def _roof(index: int, light: tuple[float, ...]) -> Texture:
    rng = np.random.default_rng(index)
    rows, columns = 60, 160
    y, x = np.mgrid[0:rows, 0:columns]
    tone = 1 + 0.1 * rng.standard_normal((rows // 5 + 1, columns // 6 + 2))
    value = tone[y // 5, (x + (y // 5 % 2) * 3) // 6].astype(np.float32)
    value[y % 5 == 0] *= 0.72
    rgb = tinted(((112, 76, 64), (84, 88, 96), (126, 88, 66))[index % 3], value)
    return texture(rgb, ID["Building"], light=f32(light))


def paint_plot(canvas: Canvas, seed: int, plot: world.Plot) -> None:
    """One house or garden along the street."""
    x = world.LEFT_WALL if plot.side < 0 else world.RIGHT_WALL
    light = tuple((SUNLIT if plot.side < 0 else SHADED).tolist())
    near, far = plot.start, plot.start + plot.width
    cut = max(near, canvas.camera.z + 2.0)
    if far - cut < 0.1:
        return

    def upright(panel: Texture, low: float, high: float, offset: float, share: float = 1.0) -> None:
        """A texture along the building line, its right part on the left side so that it reads from the street."""
        rows, columns = panel.colors.shape[:2]
        place = x + plot.side * offset
        a, b = cut - 0.04, far + 0.04  # overlap the neighbours: no seams
        corners = f32([(place, high, a), (place, high, b), (place, low, b), (place, low, a)])
        from_near = (cut - near) / plot.width
        across = (from_near, 1.0) if plot.side < 0 else (1 - from_near, 0.0)
        u = [columns * share * part for part in across]
        canvas.warp(panel, f32([(u[0], 0), (u[1], 0), (u[1], rows), (u[0], rows)]), corners)

    if plot.kind in ("wall", "fence"):
        upright(_hedge(seed, plot.index % 4, light), 0, 3.4, 1.6)
        upright(_garden(seed, plot.kind, plot.index % 6, light), 0, 2.2 if plot.kind == "wall" else 1.8, 0.0)
        return
    front = facade(seed, plot.side, plot.index, plot.kind, round(plot.width, 2), round(plot.height, 2), light)
    back, ridge = x + plot.side * 3.0, plot.height + 1.9
    if cut == near:
        side_light = tuple((SUNLIT * 0.86 if plot.side < 0 else SHADED * 1.1).tolist())
        deep = x + plot.side * 10
        corners = f32([(x, plot.height, near), (deep, plot.height, near), (deep, 0, near), (x, 0, near)])
        rows, columns = 14 * SCALE, 10 * SCALE
        top = rows - min(plot.height, 14) * SCALE
        source = f32([(0, top), (columns, top), (columns, rows), (0, rows)])
        canvas.warp(gable(plot.index % 6, side_light), source, corners)
        triangle = f32([(x, plot.height, near), (back, ridge, near), (deep, plot.height, near)])
        canvas.polygon(triangle, f32((150, 100, 80)) * f32(side_light), ID["Building"])
    panel = _roof(plot.index % 6, light)
    corners = f32([(back, ridge, cut), (back, ridge, far), (x, plot.height, far), (x, plot.height, cut)])
    canvas.warp(panel, f32([(0, 0), (160, 0), (160, 60), (0, 60)]), corners)
    upright(front, 0, plot.height, 0.0)


def paint_house_shadows(canvas: Canvas, seed: int) -> None:
    """What the right-hand side keeps from the sun, and the dark foot of every front."""
    for plot in world.plots_in_view(seed, 1, canvas.camera.z):
        height = plot.height + 1.0 if plot.kind not in ("wall", "fence") else 1.8
        reach = SUN * (height / -SUN[1])
        near, far, x = plot.start, plot.start + plot.width, world.RIGHT_WALL
        outline = [(x, 0, near), (x + reach[0], 0, near + reach[2]), (x + reach[0], 0, far + reach[2]), (x, 0, far)]
        canvas.shade_polygon(f32(outline), 138)
    z = canvas.camera.z
    canvas.shade_polygon(on_ground(world.LEFT_WALL - 1, z + 2, world.LEFT_WALL + 0.22, z + 90), 110)
