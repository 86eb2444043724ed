"""The transforms on offer, all of albumentations 2.0, all safe for an image with its mask.

Left out: transforms that change the size of a picture (RandomRotate90, Transpose, crops to a given size; `CropAndPad`
and `Affine` zoom and keep it), and those wanting other targets (boxes, volumes, reference images).
Masks are resampled by nearest neighbour, albumentations' own default: anything else would invent label ids.
"""

from __future__ import annotations

from collections.abc import Mapping

from segcore.augment.spec import Choice, Flag, Number, Range, Scalar, TransformSpec
from segcore.labels import IGNORE_INDEX

GROUPS = ("geometry", "colour", "blur and noise", "weather", "dropout")


def _range(
    name: str,
    low: Scalar,
    high: Scalar,
    default: tuple[Scalar, Scalar],
    step: Scalar = 0.05,
    unit: str = "",
    help: str = "",
) -> Range:
    return Range(name=name, low=low, high=high, default=default, step=step, unit=unit, help=help)


def _number(
    name: str, low: Scalar, high: Scalar, default: Scalar, step: Scalar = 0.05, unit: str = "", help: str = ""
) -> Number:
    return Number(name=name, low=low, high=high, default=default, step=step, unit=unit, help=help)


def _choice(name: str, options: Mapping[str, object], default: str, help: str = "") -> Choice:
    return Choice(name=name, options=options, default=default, help=help)


def _flag(name: str, default: bool = False, help: str = "") -> Flag:
    return Flag(name=name, default=default, help=help)


# Uncovered pixels: the ImageNet mean on the image, which normalises to about nothing, and "ignore" on the mask,
# since 0 would be a class.
_UNCOVERED: Mapping[str, object] = {"fill": (124, 116, 104), "fill_mask": IGNORE_INDEX}
_BORDER = _choice(
    "border_mode",
    {"fill": 0, "reflect": 4},  # cv2.BORDER_CONSTANT, cv2.BORDER_REFLECT_101
    "fill",
    help="What uncovered pixels become: ignored (fill), or the mirrored picture with its mirrored mask (reflect).",
)
_LABEL = _choice(
    "fill_mask",
    {"keep": None, "ignore": IGNORE_INDEX},
    "keep",
    help="Whether the mask under a hole still counts (keep) or is ignored.",
)


def _degrees(name: str, default: int) -> Range:
    return _range(name, -180, 180, (-default, default), 1, "degrees")


def _around_zero(name: str, limit: float, default: float, step: float = 0.05, unit: str = "") -> Range:
    return _range(name, -limit, limit, (-default, default), step, unit)


_GEOMETRY = (
    TransformSpec("HorizontalFlip", "geometry", "Mirrors left and right.", "Flip left to right"),
    TransformSpec(
        "VerticalFlip", "geometry", "Turns the picture upside down; rarely wanted on streets.", "Flip upside down"
    ),
    TransformSpec(
        "Rotate", "geometry", "Turns around the centre.", "Rotate {limit}", (_degrees("limit", 30), _BORDER), _UNCOVERED
    ),
    TransformSpec(
        "Affine",
        "geometry",
        "Scales, shifts, turns and shears at once; a scale above 1 zooms in.",
        "Scale {scale}, shift {translate_percent}, rotate {rotate}, shear {shear}",
        (
            _range("scale", 0.3, 3.0, (0.8, 1.25), 0.05, "times"),
            _around_zero("translate_percent", 0.5, 0.1, unit="of the size"),
            _degrees("rotate", 10),
            _range("shear", -45, 45, (0, 0), 1, "degrees"),
            _BORDER,
        ),
        {**_UNCOVERED, "keep_ratio": True},
    ),
    TransformSpec(
        "Perspective",
        "geometry",
        "Tilts the picture plane by moving its corners.",
        "Move the corners {scale}",
        (_range("scale", 0.0, 0.3, (0.05, 0.1), 0.01, "of the size"), _BORDER),
        _UNCOVERED,
    ),
    TransformSpec(
        "CropAndPad",
        "geometry",
        "Crops (below 0) or pads (above 0) each side, then resizes back: a zoom with a changing aspect ratio.",
        "Pad each side {percent}",
        (_range("percent", -0.4, 0.4, (-0.2, 0.0), 0.01, "of the size"), _BORDER),
        {**_UNCOVERED, "keep_size": True},
    ),
    TransformSpec(
        "ElasticTransform",
        "geometry",
        "Bends the picture like rubber.",
        "Bend with strength {alpha}, smooth over {sigma}",
        (
            _number("alpha", 0.0, 500.0, 100.0, 5.0, help="Strength of the displacement."),
            _number("sigma", 1.0, 50.0, 8.0, 1.0, "pixels", help="Larger bends more gently."),
            _BORDER,
        ),
        _UNCOVERED,
    ),
    TransformSpec(
        "GridDistortion",
        "geometry",
        "Stretches and squeezes the cells of a grid.",
        "Distort a grid of {num_steps} cells {distort_limit}",
        (_number("num_steps", 2, 12, 5, 1), _around_zero("distort_limit", 0.9, 0.3), _BORDER),
        _UNCOVERED,
    ),
    TransformSpec(
        "OpticalDistortion",
        "geometry",
        "Bends straight lines as a lens does.",
        "Distort like a {mode} lens {distort_limit}",
        (
            _around_zero("distort_limit", 1.0, 0.3),
            _choice("mode", {"camera": "camera", "fisheye": "fisheye"}, "camera"),
            _BORDER,
        ),
        _UNCOVERED,
    ),
)

_COLOUR = (
    TransformSpec(
        "RandomBrightnessContrast",
        "colour",
        "Lighter or darker, stronger or flatter.",
        "Change brightness {brightness_limit} and contrast {contrast_limit}",
        (_around_zero("brightness_limit", 1.0, 0.2), _around_zero("contrast_limit", 1.0, 0.2)),
    ),
    TransformSpec(
        "HueSaturationValue",
        "colour",
        "Shifts hue, saturation and value.",
        "Shift hue {hue_shift_limit}, saturation {sat_shift_limit}, value {val_shift_limit}",
        (
            _around_zero("hue_shift_limit", 90, 20, 1),
            _around_zero("sat_shift_limit", 100, 30, 1),
            _around_zero("val_shift_limit", 100, 20, 1),
        ),
    ),
    TransformSpec(
        "RGBShift",
        "colour",
        "Adds a constant to each channel: a tint.",
        "Shift red {r_shift_limit}, green {g_shift_limit}, blue {b_shift_limit}",
        tuple(_around_zero(f"{channel}_shift_limit", 100, 20, 1) for channel in "rgb"),
    ),
    TransformSpec(
        "RandomGamma",
        "colour",
        "Lightens (below 100 %) or darkens (above) the mid-tones.",
        "Gamma {gamma_limit}",
        (_range("gamma_limit", 20, 300, (80, 120), 1, "%"),),
    ),
    TransformSpec(
        "CLAHE",
        "colour",
        "Evens out local contrast (contrast-limited adaptive histogram equalisation).",
        "Even out local contrast, clipped at {clip_limit}",
        (_range("clip_limit", 1.0, 10.0, (1.0, 4.0), 0.5),),
    ),
    TransformSpec(
        "ColorJitter",
        "colour",
        "Brightness, contrast, saturation and hue in random order, as in torchvision.",
        "Brightness {brightness}, contrast {contrast}, saturation {saturation}, hue {hue}",
        (
            *(_range(name, 0.0, 2.0, (0.8, 1.2), 0.05, "times") for name in ("brightness", "contrast", "saturation")),
            _around_zero("hue", 0.5, 0.05, 0.01),
        ),
    ),
    TransformSpec(
        "ToGray",
        "colour",
        "Removes colour.",
        "Turn grey ({method})",
        (
            _choice(
                "method",
                {name: name for name in ("weighted_average", "from_lab", "desaturation", "average", "max")},
                "weighted_average",
            ),
        ),
    ),
    TransformSpec(
        "RandomToneCurve",
        "colour",
        "Bends the curve from dark to light.",
        "Bend the tone curve by up to {scale}",
        (_number("scale", 0.0, 1.0, 0.1, 0.05), _flag("per_channel", False, "A curve of its own for each channel.")),
    ),
    TransformSpec("Equalize", "colour", "Spreads the brightness over the whole scale.", "Equalise brightness"),
)

_BLUR_AND_NOISE = (
    TransformSpec(
        "GaussianBlur",
        "blur and noise",
        "Out of focus.",
        "Blur with sigma {sigma_limit}",
        (_range("sigma_limit", 0.1, 10.0, (0.5, 2.0), 0.1, "pixels"),),
        {"blur_limit": 0},  # kernel size from sigma
    ),
    TransformSpec(
        "MotionBlur",
        "blur and noise",
        "Blur along one direction.",
        "Blur motion over {blur_limit}",
        (_range("blur_limit", 3, 31, (3, 7), 2, "pixels"),),
    ),
    TransformSpec(
        "MedianBlur",
        "blur and noise",
        "Removes specks, keeps edges.",
        "Median over {blur_limit}",
        (_range("blur_limit", 3, 15, (3, 7), 2, "pixels"),),
    ),
    TransformSpec(
        "GaussNoise",
        "blur and noise",
        "Sensor noise, the same at every brightness.",
        "Add noise of {std_range}",
        (_range("std_range", 0.0, 0.5, (0.02, 0.1), 0.01, "of white"),),
    ),
    TransformSpec(
        "ISONoise",
        "blur and noise",
        "Colour noise of a camera at night.",
        "Add camera noise {intensity}, colours off by {color_shift}",
        (_range("intensity", 0.0, 1.0, (0.1, 0.5), 0.05), _range("color_shift", 0.0, 0.5, (0.01, 0.05), 0.01)),
    ),
    TransformSpec(
        "Sharpen",
        "blur and noise",
        "Stronger edges.",
        "Sharpen {alpha}, lightness {lightness}",
        (_range("alpha", 0.0, 1.0, (0.2, 0.5), 0.05), _range("lightness", 0.0, 2.0, (0.5, 1.0), 0.05)),
    ),
    TransformSpec(
        "ImageCompression",
        "blur and noise",
        "The blocks and ringing of a compressed picture.",
        "Compress as {compression_type} at quality {quality_range}",
        (
            _range("quality_range", 5, 100, (40, 90), 1),
            _choice("compression_type", {"jpeg": "jpeg", "webp": "webp"}, "jpeg"),
        ),
    ),
    TransformSpec(
        "Downscale",
        "blur and noise",
        "Loses detail: shrinks and enlarges again.",
        "Shrink to {scale_range} and enlarge again",
        (_range("scale_range", 0.1, 0.95, (0.4, 0.8), 0.05, "of the size"),),
    ),
)

_WEATHER = (
    TransformSpec(
        "RandomFog",
        "weather",
        "Whitens the distance; the slowest transform here.",
        "Fog {fog_coef_range}",
        (_range("fog_coef_range", 0.0, 1.0, (0.1, 0.4), 0.05), _number("alpha_coef", 0.0, 1.0, 0.08, 0.01)),
    ),
    TransformSpec(
        "RandomRain",
        "weather",
        "Streaks of rain under a darker sky.",
        "Rain ({rain_type}) slanted {slant_range}, brightness {brightness_coefficient}",
        (
            _range("slant_range", -20, 20, (-10, 10), 1, "degrees"),
            _number("brightness_coefficient", 0.3, 1.0, 0.8, 0.05, "times"),
            _number("blur_value", 1, 9, 3, 1, "pixels"),
            _choice("rain_type", {name: name for name in ("default", "drizzle", "heavy", "torrential")}, "default"),
        ),
    ),
    TransformSpec(
        "RandomSnow",
        "weather",
        "Bleaches bright parts as snow does.",
        "Snow {snow_point_range}, brightness {brightness_coeff}",
        (
            _range("snow_point_range", 0.0, 1.0, (0.1, 0.3), 0.05),
            _number("brightness_coeff", 1.0, 5.0, 2.0, 0.1, "times"),
        ),
    ),
    TransformSpec(
        "RandomShadow",
        "weather",
        "Polygons of shadow on the lower half.",
        "Cast {num_shadows_limit}, darkness {shadow_intensity_range}",
        (
            _range("num_shadows_limit", 1, 8, (1, 2), 1, "shadows"),
            _range("shadow_intensity_range", 0.0, 1.0, (0.3, 0.6), 0.05),
        ),
    ),
    TransformSpec(
        "RandomSunFlare",
        "weather",
        "The sun in the lens, in the upper half.",
        "Sun flare of radius {src_radius}",
        (
            _number("src_radius", 10, 600, 120, 10, "pixels"),
            _range("num_flare_circles_range", 1, 20, (6, 10), 1, "circles"),
        ),
    ),
)

_DROPOUT = (
    TransformSpec(
        "CoarseDropout",
        "dropout",
        "Covers rectangles of the image.",
        "Cover {num_holes_range}, each {hole_height_range} high and {hole_width_range} wide",
        (
            _range("num_holes_range", 1, 30, (1, 4), 1, "holes"),
            _range("hole_height_range", 0.01, 0.5, (0.05, 0.15), 0.01, "of the size"),
            _range("hole_width_range", 0.01, 0.5, (0.05, 0.15), 0.01, "of the size"),
            _LABEL,
        ),
        {"fill": _UNCOVERED["fill"]},
    ),
    TransformSpec(
        "GridDropout",
        "dropout",
        "Covers squares on a regular grid.",
        "Cover {ratio} of every grid cell",
        (_number("ratio", 0.05, 0.9, 0.3, 0.05), _LABEL),
        {"fill": _UNCOVERED["fill"]},
    ),
)

CATALOG: Mapping[str, TransformSpec] = {
    spec.name: spec for spec in (*_GEOMETRY, *_COLOUR, *_BLUR_AND_NOISE, *_WEATHER, *_DROPOUT)
}

LEFT_OUT: Mapping[str, str] = {}
