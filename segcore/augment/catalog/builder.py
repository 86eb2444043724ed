"""Builds catalog entries from the recorded library schema and overrides by hand.

Without an override, a parameter takes default, bounds, options and help from the library. `INTERPOLATION` and the
other entries of `_COMMON` hold for every transform that has such a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from segcore.augment.library_schema import LibraryParameter, LibraryTransform, recorded_schema
from segcore.augment.parameter_base import Parameter, Scalar
from segcore.augment.parameters import Axes, Choice, Color, Flag, Number, Pair, Range, Region
from segcore.augment.transform_spec import TransformSpec
from segcore.labels import IGNORE_INDEX

_FROM_LIBRARY: Any = object()  # the default of the library


@dataclass(frozen=True)
class ParameterOverride:
    """Settings of one parameter that replace the library's.

    Args:
        low: Smallest value.
        high: Largest value.
        default: Default value.
        step: Step of the slider; an int makes the parameter whole.
        unit: Unit for people.
        help: One sentence.
        none: What null means.
        parts: Names of the two numbers of a pair.
        advanced: Folded away in the editor.
    """

    low: Scalar | None = None
    high: Scalar | None = None
    default: Any = _FROM_LIBRARY
    step: Scalar | None = None
    unit: str = ""
    help: str = ""
    none: str = field(default="", kw_only=True)
    parts: tuple[str, str] = field(default=("rows", "columns"), kw_only=True)
    advanced: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class Fixed:
    """An argument that the library always gets; users can't change it."""

    value: object


@dataclass(frozen=True)
class NotOffered:
    """A parameter that users can't set; in the error, the reason follows the parameter's name."""

    reason: str


Override = ParameterOverride | Parameter | Fixed | NotOffered
override = ParameterOverride
advanced = partial(ParameterOverride, advanced=True)


def around_zero(
    limit: Scalar, default: Scalar, step: Scalar | None = None, unit: str = "", help: str = ""
) -> ParameterOverride:
    """A range from `-default` to `default`, within `-limit` to `limit`."""
    return override(-limit, limit, (-default, default), step, unit, help)


def choice(
    name: str, options: Mapping[str, object] | Iterable[str], help: str, *, default: str = "", advanced: bool = False
) -> Choice:
    """A choice among names; the first is the default unless another is given. A mapping has what the library gets."""
    values = options if isinstance(options, Mapping) else {option: option for option in options}
    return Choice(name=name, options=values, default=default or next(iter(values)), help=help, advanced=advanced)


# Uncovered pixels: the ImageNet mean on the image, which normalises to about nothing, and "ignore" on the mask, since
# 0 would be a class.
GREY = (124, 116, 104)
FILL = Color(name="fill", default=GREY, help="Colour of uncovered pixels, where the border is filled.", advanced=True)
FILL_MASK = Fixed(IGNORE_INDEX)
BORDER = choice(
    "border_mode",
    {"fill": 0, "reflect": 4, "replicate": 1, "wrap": 3},
    "What uncovered pixels become: ignored (fill), or picture and mask mirrored, stretched or repeated.",
)
INTERPOLATION = choice(
    "interpolation",
    {"nearest": 0, "linear": 1, "cubic": 2, "area": 3, "lanczos": 4},  # cv2.INTER_NEAREST and so on
    "How the image is resampled; the mask always by nearest.",
    default="linear",
    advanced=True,
)
_POSITIONS = ("center", "top_left", "top_right", "bottom_left", "bottom_right", "random")

# Parameters that mean the same in every transform that has them.
_COMMON: Mapping[str, Override] = {
    "interpolation": INTERPOLATION,
    "mask_interpolation": NotOffered("is always nearest here: anything else would invent label ids. Leave it out."),
    "keypoint_remapping_method": NotOffered("is about keypoints, which are not augmented here. Leave it out."),
    "rotate_method": NotOffered("is about boxes, which are not augmented here. Leave it out."),
    "area_for_downscale": choice(
        "area_for_downscale",
        {"never": None, "image": "image"},
        "Whether the image is averaged over areas where it shrinks.",
        advanced=True,
    ),
    **{
        name: choice(name, _POSITIONS, "Where the picture lies in the padded one.", advanced=True)
        for name in ("position", "pad_position")
    },
    "border_mode": BORDER,
    "fill": FILL,
    "fill_mask": FILL_MASK,
}

# The mask under a hole.
HOLE_MASK = choice(
    "fill_mask",
    {"keep": None, "ignore": IGNORE_INDEX},
    "Whether the mask under a hole still counts (keep) or is ignored.",
)
HOLE_FILL = choice(
    "fill",
    {
        "grey": GREY,
        "black": 0,
        "white": 255,
        "random": "random",
        "random_uniform": "random_uniform",
        "inpaint_telea": "inpaint_telea",
        "inpaint_ns": "inpaint_ns",
    },
    "What holes become; random: each pixel, random_uniform: each hole, inpaint: what lies around (slow).",
    advanced=True,
)
HOLES: Mapping[str, Any] = {"fill_mask": HOLE_MASK, "fill": HOLE_FILL}


def transform(
    name: str,
    summary: str,
    phrase: str,
    contradiction: Callable[[Mapping[str, Any]], str | None] | None = None,
    *,
    group: str,
    keeps_size: bool = True,
    default_p: float = 0.5,
    **overrides: Override,
) -> TransformSpec:
    """Build one transform of the catalog.

    Args:
        name: Name of the transform in albumentations.
        summary: One sentence.
        phrase: Sentence template over parameter names.
        contradiction: Finds values that can't go together, see `TransformSpec`.
        group: One of `GROUPS`.
        keeps_size: Whether the picture keeps its size.
        default_p: Default probability.
        **overrides: Library parameter -> its override, in the order of the editor.

    Raises:
        ValueError: when the library has no such parameter, or neither the library nor an override bounds it.
    """
    library = recorded_schema().transforms[name]
    if strange := set(overrides) - set(library.parameters):
        raise ValueError(f"{name} has no {', '.join(sorted(strange))} in albumentations.")
    chosen = {key: overrides.get(key, _COMMON.get(key, override())) for key in (*overrides, *library.parameters)}
    params = [
        _parameter(name, key, value, library)
        for key, value in chosen.items()
        if isinstance(value, ParameterOverride | Parameter)
    ]
    return TransformSpec(
        name,
        group,
        summary,
        phrase,
        tuple(sorted(params, key=lambda parameter: parameter.advanced)),
        fixed={key: value.value for key, value in chosen.items() if isinstance(value, Fixed)},
        defaults_of_library={
            key: parameter.default for key, parameter in library.parameters.items() if not parameter.required
        },
        moves_mask="mask" in library.targets and group != "dropout",
        keeps_size=keeps_size,
        default_p=default_p,
        contradiction=contradiction,
        refusals={key: value.reason for key, value in chosen.items() if isinstance(value, NotOffered)},
    )


def _parameter(
    transform: str, name: str, chosen: ParameterOverride | Parameter, library: LibraryTransform
) -> Parameter:
    if isinstance(chosen, Parameter):
        return chosen
    recorded = library.parameters[name]
    default = recorded.default if chosen.default is _FROM_LIBRARY else chosen.default
    common: dict[str, Any] = {
        "name": name,
        "help": chosen.help or recorded.help,
        "advanced": chosen.advanced,
        "default": default,
    }
    if recorded.kind == "flag":
        return Flag(**common)
    if recorded.kind == "choice":
        return Choice(**common, options={str(option): option for option in recorded.options})
    if recorded.kind == "region":
        return Region(**common)
    if recorded.kind == "color":
        return Color(**common)
    bounds = _bounds(transform, name, chosen, recorded)
    if isinstance(default, tuple) and recorded.kind == "pair":
        return Pair(**common, **bounds, parts=chosen.parts)
    if recorded.kind == "axes":
        return Axes(**common, **bounds, none=chosen.none)
    if isinstance(default, tuple) or recorded.kind == "range":
        return Range(**common, **bounds, none=chosen.none)
    return Number(**common, **bounds, none=chosen.none)


def _bounds(transform: str, name: str, chosen: ParameterOverride, recorded: LibraryParameter) -> dict[str, Any]:
    """Low, high, step and unit of a parameter."""
    low = recorded.low if chosen.low is None else chosen.low
    high = recorded.high if chosen.high is None else chosen.high
    if low is None or high is None:
        raise ValueError(f"{transform}: albumentations does not bound {name}; say low and high.")
    step = chosen.step if chosen.step is not None else 1 if recorded.whole else 0.05
    whole = isinstance(step, int)
    return {"low": int(low) if whole else low, "high": int(high) if whole else high, "step": step, "unit": chosen.unit}
