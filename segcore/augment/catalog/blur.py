"""Blur and noise: sharpness, grain and what a camera or a file format does; the mask stays."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from segcore.augment.catalog.builder import Fixed, advanced, around_zero, choice, override, transform
from segcore.augment.parameters import Nested, Range

BLUR = "blur and noise"
_blur = partial(transform, group=BLUR)


def _noise(
    name: str, low: float, high: float, default: tuple[float, float], help: str, *, listed: bool = False
) -> Range:
    return Range(name=name, low=low, high=high, default=default, step=0.01, help=help, listed=listed)


_MEAN = _noise("mean_range", -0.5, 0.5, (0.0, 0.0), "Brightness that is added, in shares of white.")
_NOISES = {
    "uniform": (_noise("ranges", -1.0, 1.0, (-0.1, 0.1), "Least and most that is added.", listed=True),),
    "gaussian": (_MEAN, _noise("std_range", 0.0, 0.5, (0.05, 0.15), "Standard deviation, in shares of white.")),
    "laplace": (_MEAN, _noise("scale_range", 0.0, 0.5, (0.05, 0.15), "Spread; many small and few large outliers.")),
    "beta": (
        _noise("alpha_range", 0.1, 5.0, (0.5, 1.5), "First shape: below 1 is U-shaped, above 1 is bell-shaped."),
        _noise("beta_range", 0.1, 5.0, (0.5, 1.5), "Second shape; larger than the first is darker."),
        _noise("scale_range", 0.0, 1.0, (0.1, 0.3), "Strength, in shares of white."),
    ),
}


def _around_gaussian(values: Mapping[str, Any]) -> str | None:
    low, high = values["beta_limit"]
    return None if low < 1 < high else f"beta_limit is {[low, high]}; it must begin below 1 and end above it."


def _pair(downscale: int, upscale: int) -> dict[str, int]:
    return {"downscale": downscale, "upscale": upscale}


TRANSFORMS = (
    _blur(
        "Blur",
        "Averages over a square.",
        "Blur over {blur_limit}",
        blur_limit=override(3, 31, step=2, unit="pixels", help="Side of the square."),
    ),
    _blur(
        "GaussianBlur",
        "Out of focus.",
        "Blur with sigma {sigma_limit}",
        sigma_limit=override(0.1, 10.0, (0.5, 2.0), 0.1, "pixels", "Standard deviation of the blur."),
        blur_limit=Fixed(0),  # size of the kernel from sigma
    ),
    _blur(
        "AdvancedBlur",
        "Blurs more along one direction, at a random angle.",
        "Blur with sigma {sigma_x_limit} across and {sigma_y_limit} along, turned {rotate_limit}",
        _around_gaussian,
        sigma_x_limit=override(0.1, 5.0, step=0.1, unit="pixels", help="Blur across."),
        sigma_y_limit=override(0.1, 5.0, step=0.1, unit="pixels", help="Blur along."),
        rotate_limit=around_zero(180, 90, 1, "degrees", "Angle of the two."),
        blur_limit=advanced(3, 31, step=2, unit="pixels", help="Size of the kernel."),
        beta_limit=advanced(
            0.1, 8.0, step=0.1, help="Shape: 1 is gaussian, below is more pointed, above more like a box."
        ),
        noise_limit=advanced(0.05, 2.0, step=0.05, help="Grain of the kernel: 1 is none."),
    ),
    _blur(
        "MotionBlur",
        "Blur along one direction.",
        "Blur motion over {blur_limit}",
        blur_limit=override(3, 31, (3, 7), 2, "pixels", "Length of the motion."),
        angle_range=advanced(step=1, unit="degrees", help="Direction: 0 is across, 90 is up."),
        direction_range=advanced(help="-1 smears backwards only, 0 both ways, 1 forwards only."),
        allow_shifted=advanced(help="Let the motion begin beside the pixel."),
    ),
    _blur(
        "MedianBlur",
        "Removes specks, keeps edges.",
        "Median over {blur_limit}",
        blur_limit=override(3, 15, (3, 7), 2, "pixels", "Side of the square."),
    ),
    _blur(
        "Defocus",
        "Out of focus as a lens is: bright points become discs.",
        "Defocus by discs of {radius}",
        radius=override(1, 20, unit="pixels", help="Radius of the discs; large ones are slow."),
        alias_blur=advanced(0.0, 2.0, step=0.05, unit="pixels", help="Softness of their edges."),
    ),
    _blur(
        "ZoomBlur",
        "Blurs outwards, as zooming during the exposure does.",
        "Zoom {max_factor} while exposing",
        max_factor=override(1.01, 1.5, (1.1, 1.3), 0.01, unit="times", help="Zoom at the end of the exposure."),
        step_factor=advanced(0.005, 0.1, step=0.005, help="Smaller steps are smoother and slower."),
    ),
    _blur(
        "GlassBlur",
        "As seen through frosted glass; slow.",
        "Move pixels by up to {max_delta}, as frosted glass does",
        max_delta=override(high=8, unit="pixels", help="How far pixels change places."),
        sigma=override(0.1, 3.0, step=0.1, unit="pixels", help="Blur before and after."),
        iterations=advanced(high=4, help="How often; each time takes as long."),
        mode=choice("mode", ("fast", "exact"), "Exact is many times slower.", advanced=True),
    ),
    _blur(
        "Downscale",
        "Loses detail: shrinks and enlarges again.",
        "Shrink to {scale_range} and enlarge again",
        scale_range=override(0.1, 0.95, (0.4, 0.8), 0.05, "of the size", "Smaller loses more."),
        interpolation_pair=choice(
            "interpolation_pair",
            {  # cv2.INTER_NEAREST 0, _LINEAR 1, _CUBIC 2, _AREA 3
                "nearest": _pair(0, 0),
                "linear": _pair(1, 1),
                "area_nearest": _pair(3, 0),
                "area_linear": _pair(3, 1),
                "area_cubic": _pair(3, 2),
            },
            "How it shrinks and enlarges: nearest leaves blocks, area and linear are smooth.",
            advanced=True,
        ),
    ),
    _blur(
        "Superpixels",
        "Paints patches in their mean colour, as an oil painting does; slow.",
        "Paint {p_replace} of {n_segments} in one colour each",
        p_replace=override(default=(0.1, 0.3), help="Share of the patches that is painted."),
        n_segments=override(10, 400, step=10, unit="patches", help="More are smaller and slower."),
        max_size=advanced(
            32, 256, 128, 16, "pixels", "Longer sides are shrunk first to this: smaller is faster and coarser."
        ),
    ),
    _blur(
        "ImageCompression",
        "The blocks and ringing of a compressed picture.",
        "Compress as {compression_type} at quality {quality_range}",
        quality_range=override(5, 100, (40, 90), 1, help="Lower is smaller and worse."),
        compression_type=override(help="Format of the file."),
    ),
    _blur(
        "RingingOvershoot",
        "Halos along edges, as from a filter that is too sharp.",
        "Ring with a cutoff {cutoff}, over {blur_limit}",
        cutoff=override(0.1, 3.1, (0.8, 1.6), 0.05, "radians", "Lower rings more."),
        blur_limit=override(3, 31, step=2, unit="pixels", help="Size of the filter."),
    ),
    _blur(
        "ChromaticAberration",
        "Coloured fringes along edges, as a cheap lens makes.",
        "Fringe colours ({mode}) {primary_distortion_limit}, {secondary_distortion_limit} in the corners",
        primary_distortion_limit=around_zero(0.3, 0.02, 0.01, help="Distortion of red and blue."),
        secondary_distortion_limit=around_zero(0.3, 0.05, 0.01, help="The same in the corners."),
        mode=override(help="Which colours the fringes have."),
    ),
    _blur(
        "GaussNoise",
        "Sensor noise, the same at every brightness.",
        "Add noise of {std_range}",
        std_range=override(0.0, 0.5, (0.02, 0.1), 0.01, "of white", "Standard deviation."),
        mean_range=advanced(-0.5, 0.5, step=0.01, unit="of white", help="Brightness that is added."),
        per_channel=advanced(help="Colour noise rather than grey."),
        noise_scale_factor=advanced(0.1, 1.0, 1.0, 0.05, help="Below 1 the grains are larger, and it is faster."),
    ),
    _blur(
        "ISONoise",
        "Colour noise of a camera at night.",
        "Add camera noise {intensity}, colours off by {color_shift}",
        intensity=override(0.0, 1.0, (0.1, 0.5), 0.05, help="Strength of the grain."),
        color_shift=override(0.0, 0.5, (0.01, 0.05), 0.01, help="Of once round the colour wheel."),
    ),
    _blur(
        "ShotNoise",
        "Noise of few photons: dark pictures of a short exposure; slow.",
        "Add photon noise {scale_range}",
        scale_range=override(0.01, 2.0, step=0.01, help="Higher has fewer photons and more noise."),
    ),
    _blur(
        "MultiplicativeNoise",
        "Multiplies pixels: stronger noise where it is light.",
        "Multiply by {multiplier}",
        multiplier=override(0.0, 3.0, step=0.05, unit="times", help="1 changes nothing."),
        elementwise=override(help="A number of its own for each pixel, rather than one for all."),
        per_channel=override(help="A number of its own for each channel."),
    ),
    _blur(
        "AdditiveNoise",
        "Adds noise of a kind that can be chosen.",
        "Add {noise_type} noise, {spatial_mode} ({noise_params})",
        noise_type=choice("noise_type", tuple(_NOISES), "Kind of noise; each has settings of its own."),
        spatial_mode=choice(
            "spatial_mode",
            ("constant", "per_pixel", "shared"),
            "One number for all pixels, one for each, or one for each that all channels share.",
        ),
        noise_params=Nested(name="noise_params", by="noise_type", variants=_NOISES, help="Settings of the kind."),
        approximation=advanced(0.1, 1.0, help="Below 1 the grains are larger, and it is faster."),
    ),
    _blur(
        "SaltAndPepper",
        "Single pixels turn white or black.",
        "Turn {amount} white or black",
        amount=override(0.0, 0.5, step=0.01, unit="of the pixels", help="How many pixels are hit."),
        salt_vs_pepper=advanced(help="Share of white ones among them."),
    ),
    _blur(
        "Sharpen",
        "Stronger edges.",
        "Sharpen {alpha}, lightness {lightness}",
        alpha=override(0.0, 1.0, (0.2, 0.5), 0.05, help="Share of the sharpened picture in the result."),
        lightness=override(0.0, 2.0, (0.5, 1.0), 0.05, help="Contrast of the sharpened picture; method kernel only."),
        method=choice("method", ("kernel", "gaussian"), "By a kernel, or against a blur.", advanced=True),
        kernel_size=advanced(high=31, step=2, unit="pixels", help="Size of the blur; method gaussian only."),
        sigma=advanced(0.1, 10.0, step=0.1, unit="pixels", help="Width of the blur; method gaussian only."),
    ),
    _blur(
        "UnsharpMask",
        "Stronger edges, by the difference to a blurred copy.",
        "Sharpen {alpha} against a blur over {blur_limit}",
        alpha=override(help="Share of the sharpened picture in the result."),
        blur_limit=override(3, 31, step=2, unit="pixels", help="Size of the blur."),
        sigma_limit=advanced(0.0, 5.0, (0.0, 0.0), 0.1, "pixels", "Width of the blur; 0 takes it from its size."),
        threshold=advanced(help="Smaller differences are left alone, of 255."),
    ),
    _blur(
        "Emboss",
        "Edges as if pressed into paper.",
        "Emboss {alpha} with strength {strength}",
        alpha=override(help="Share of the embossed picture in the result."),
        strength=override(high=2.0, help="Depth of the edges."),
    ),
)
