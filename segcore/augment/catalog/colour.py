"""Colour: the image changes, the mask stays."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from segcore.augment.catalog.builder import Fixed, NotOffered, advanced, around_zero, choice, override, transform

COLOUR = "colour"
_colour = partial(transform, group=COLOUR)
_OTHER_PICTURE = NotOffered("is not offered: it is a picture or code of its own, which a pipeline can't hold.")
_WHITE, _COLDEST_CIED = 6000, 4000  # kelvin


def _preset_is_used(values: Mapping[str, Any]) -> str | None:
    if values["method"] == "random_preset" and values["preset"] != "none":
        return "preset is only used with method preset; method is random_preset, which draws one. Set preset to none."
    return None


def _around_white(values: Mapping[str, Any]) -> str | None:
    limit = values["temperature_limit"]
    if limit is None:
        return None
    low, high = limit
    if values["mode"] == "cied" and low < _COLDEST_CIED:
        return f"temperature_limit begins at {low}; mode cied knows {_COLDEST_CIED} and above."
    if not low <= _WHITE <= high:
        return f"temperature_limit is {[low, high]}; it must hold the {_WHITE} K of white light."
    return None


def _shift(channel: str, long: str) -> dict[str, Any]:
    return {f"{channel}_shift_limit": around_zero(100, 20, 1, help=f"Added to {long}, of 255.")}


TRANSFORMS = (
    _colour(
        "RandomBrightnessContrast",
        "Lighter or darker, stronger or flatter.",
        "Change brightness {brightness_limit} and contrast {contrast_limit}",
        brightness_limit=around_zero(1.0, 0.2, help="Added, in shares of white."),
        contrast_limit=around_zero(1.0, 0.2, help="Added to a factor of 1."),
        brightness_by_max=advanced(help="Count brightness in shares of white rather than of the picture's mean."),
        ensure_safe_range=advanced(help="Hold back where pixels would be clipped."),
    ),
    _colour(
        "HueSaturationValue",
        "Shifts hue, saturation and value.",
        "Shift hue {hue_shift_limit}, saturation {sat_shift_limit}, value {val_shift_limit}",
        hue_shift_limit=around_zero(90, 20, 1, help="Of 180, which is once round the colour wheel."),
        sat_shift_limit=around_zero(100, 30, 1, help="Of 255."),
        val_shift_limit=around_zero(100, 20, 1, help="Of 255."),
    ),
    _colour(
        "RGBShift",
        "Adds a constant to each channel: a tint.",
        "Shift red {r_shift_limit}, green {g_shift_limit}, blue {b_shift_limit}",
        **_shift("r", "red"),
        **_shift("g", "green"),
        **_shift("b", "blue"),
    ),
    _colour(
        "RandomGamma",
        "Lightens (below 100 %) or darkens (above) the mid-tones.",
        "Gamma {gamma_limit}",
        gamma_limit=override(20, 300, (80, 120), 1, "%", "100 % changes nothing."),
    ),
    _colour(
        "CLAHE",
        "Evens out local contrast (contrast-limited adaptive histogram equalisation).",
        "Even out local contrast, clipped at {clip_limit}",
        clip_limit=override(1.0, 10.0, (1.0, 4.0), 0.5, help="Higher allows more contrast, and more noise."),
        tile_grid_size=advanced(1, 32, help="Tiles down and across: more are more local."),
    ),
    _colour(
        "ColorJitter",
        "Brightness, contrast, saturation and hue in random order, as in torchvision.",
        "Brightness {brightness}, contrast {contrast}, saturation {saturation}, hue {hue}",
        brightness=override(0.0, 2.0, (0.8, 1.2), 0.05, "times", "1 changes nothing, 0 is black."),
        contrast=override(0.0, 2.0, (0.8, 1.2), 0.05, "times", "1 changes nothing, 0 is flat grey."),
        saturation=override(0.0, 2.0, (0.8, 1.2), 0.05, "times", "1 changes nothing, 0 has no colour."),
        hue=around_zero(0.5, 0.05, 0.01, help="Of once round the colour wheel."),
    ),
    _colour(
        "PlanckianJitter",
        "Changes the colour of the light from warm to cold.",
        "Light of {temperature_limit}, as a {mode}",
        _around_white,
        temperature_limit=override(
            3000, 15000, None, 100, "kelvin", "Lower is redder, higher is bluer.", none="all temperatures"
        ),
        mode=choice("mode", ("blackbody", "cied"), "Light of a glowing body, or daylight (CIE D, from 4000 K)."),
        sampling_method=advanced(help="Draw all temperatures evenly, or those near 6500 K more often."),
    ),
    _colour(
        "Illumination",
        "Lights or darkens a side, a corner or a spot of the picture.",
        "Vary light ({mode}, {effect_type}) by {intensity_range}",
        mode=override(help="A gradient across, one from a corner, or a spot."),
        intensity_range=override(step=0.01, help="Strength of the light or shade."),
        effect_type=override(help="Whether light is added, taken, or either."),
        angle_range=advanced(step=1, unit="degrees", help="Direction of a linear gradient."),
        center_range=advanced(unit="of the size", help="Where a gaussian spot lies, on each axis."),
        sigma_range=advanced(unit="of the size", help="How wide a gaussian spot is."),
    ),
    _colour(
        "PlasmaBrightnessContrast",
        "Changes brightness and contrast in clouds.",
        "Change brightness {brightness_range} and contrast {contrast_range} in clouds",
        brightness_range=override(help="Added where the cloud is thickest."),
        contrast_range=override(help="Contrast where the cloud is thickest."),
        plasma_size=advanced(16, 512, step=16, unit="pixels", help="Size that the clouds are drawn at."),
        roughness=advanced(0.1, 6.0, step=0.1, help="Below 1 is smooth, above 3 is rough."),
    ),
    _colour(
        "ToGray",
        "Removes colour.",
        "Turn grey ({method})",
        method=choice(
            "method",
            ("weighted_average", "from_lab", "desaturation", "average", "max", "pca"),
            "How three channels become one.",
        ),
        num_output_channels=Fixed(3),
    ),
    _colour("ToSepia", "Browns the picture like an old photograph.", "Turn sepia"),
    _colour(
        "RandomToneCurve",
        "Bends the curve from dark to light.",
        "Bend the tone curve by up to {scale}",
        scale=override(default=0.1, help="How far its two middle points move."),
        per_channel=override(help="A curve of its own for each channel."),
    ),
    _colour(
        "Equalize",
        "Spreads the brightness over the whole scale.",
        "Equalise brightness",
        mode=advanced(help="Do it as OpenCV or as Pillow does."),
        by_channels=advanced(help="Each channel on its own, which shifts colours, or the brightness alone."),
        mask=_OTHER_PICTURE,
        mask_params=_OTHER_PICTURE,
    ),
    _colour(
        "AutoContrast",
        "Stretches each channel to the whole scale.",
        "Stretch contrast, leaving out {cutoff} at both ends",
        cutoff=override(0.0, 49.0, 0.0, 0.5, "%", "Darkest and lightest pixels that may be clipped."),
        ignore=advanced(none="nothing", help="A level that is left out of account."),
        method=advanced(help="Evenly by the histogram, or linearly as Pillow does."),
    ),
    _colour(
        "Posterize",
        "Leaves few levels of each colour.",
        "Keep {num_bits} of each colour",
        num_bits=override(1, 7, (4, 6), 1, "bits", "Of 8; fewer make broader steps."),
    ),
    _colour(
        "Solarize",
        "Inverts what is lighter than a threshold.",
        "Invert what is lighter than {threshold_range}",
        threshold_range=override(unit="of white", help="Lower inverts more."),
    ),
    _colour("InvertImg", "Turns the picture into its negative.", "Invert"),
    _colour("ChannelShuffle", "Swaps red, green and blue at random.", "Shuffle the channels"),
    _colour(
        "FancyPCA",
        "Shifts colours along those that vary most in the picture.",
        "Shift colours along their main axes by {alpha}",
        alpha=override(high=2.0, help="Strength of the shift."),
    ),
    _colour(
        "HEStain",
        "Varies the two stains of a microscope slide (haematoxylin and eosin).",
        "Vary stains ({method}) {intensity_scale_range}, shifted {intensity_shift_range}",
        _preset_is_used,
        method=choice(
            "method",
            ("random_preset", "preset", "macenko", "vahadane"),
            "Where the colours of the stains come from; macenko and vahadane find them in the picture (slow).",
        ),
        preset=choice(
            "preset",
            {"none": None}
            | {
                name: name
                for name in ("standard", "ruifrok", "macenko", "high_contrast", "h_heavy", "e_heavy", "dark", "light")
            },
            "The stains of method preset; none is the standard ones.",
        ),
        intensity_scale_range=override(0.0, 2.0, help="1 changes nothing.", unit="times"),
        intensity_shift_range=override(help="Added to each stain."),
        augment_background=advanced(help="Change the empty slide too."),
    ),
)
