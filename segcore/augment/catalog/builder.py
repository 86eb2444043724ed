"""From the library's record and a few words by hand to a transform of the catalog.

What is not said by hand comes from the library: default, bounds, options, help. `INTERPOLATION` and its like are said
once for all transforms that have such a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from segcore.augment.library_schema import LibraryParameter, LibraryTransform, recorded
from segcore.augment.parameters import Axes, Choice, Color, Flag, Number, Pair, Parameter, Range, Region, Scalar
from segcore.augment.transform_spec import TransformSpec
from segcore.labels import IGNORE_INDEX

_LIBRARY: Any = object()  # what is not said by hand


@dataclass(frozen=True, kw_only=True)
class Knob:
    """What is said by hand about one parameter; the rest comes from the library."""

    low: Scalar | None = None
    high: Scalar | None = None
    default: Any = _LIBRARY
    step: Scalar | None = None
    unit: str = ""
    help: str = ""
    advanced: bool = False
    none: str = ""
    parts: tuple[str, str] = ("rows", "columns")


@dataclass(frozen=True)
class Fixed:
    """The library is always given this, and nobody is asked."""

    value: object


@dataclass(frozen=True)
class Refused:
    """Not offered; the reason follows the parameter's name in the message for who asks for it."""

    reason: str


Word = Knob | Parameter | Fixed | Refused


def knob(
    low: Scalar | None = None,
    high: Scalar | None = None,
    default: Any = _LIBRARY,  # noqa: ANN401 - whatever the parameter takes
    step: Scalar | None = None,
    unit: str = "",
    help: str = "",
    *,
    none: str = "",
    parts: tuple[str, str] = ("rows", "columns"),
) -> Knob:
    """A parameter by hand, as far as it is given."""
    return Knob(low=low, high=high, default=default, step=step, unit=unit, help=help, none=none, parts=parts)


def advanced(
    low: Scalar | None = None,
    high: Scalar | None = None,
    default: Any = _LIBRARY,  # noqa: ANN401 - whatever the parameter takes
    step: Scalar | None = None,
    unit: str = "",
    help: str = "",
    *,
    none: str = "",
    parts: tuple[str, str] = ("rows", "columns"),
) -> Knob:
    """As `knob`, folded away."""
    return Knob(
        low=low, high=high, default=default, step=step, unit=unit, help=help, none=none, parts=parts, advanced=True
    )


def around_zero(limit: Scalar, default: Scalar, step: Scalar | None = None, unit: str = "", help: str = "") -> Knob:
    """A range from `-default` to `default`, within `limit`."""
    return knob(-limit, limit, (-default, default), step, unit, help)


def choice(name: str, options: Mapping[str, object], default: str, help: str = "", *, advanced: bool = False) -> Choice:
    """Names for what the library takes."""
    return Choice(name=name, options=options, default=default, help=help, advanced=advanced)


# Uncovered pixels: the ImageNet mean on the image, which normalises to about nothing, and "ignore" on the mask, since
# 0 would be a class.
GREY = (124, 116, 104)
FILL = Color(name="fill", default=GREY, help="Colour of uncovered pixels, where the border is filled.", advanced=True)
FILL_MASK = Fixed(IGNORE_INDEX)
BORDER = choice(
    "border_mode",
    # cv2.BORDER_CONSTANT, _REFLECT_101, _REPLICATE, _WRAP
    {"fill": 0, "reflect": 4, "replicate": 1, "wrap": 3},
    "fill",
    "What uncovered pixels become: ignored (fill), or picture and mask mirrored, stretched or repeated.",
)
# cv2.INTER_NEAREST and so on
_INTERPOLATIONS: Mapping[str, object] = {"nearest": 0, "linear": 1, "cubic": 2, "area": 3, "lanczos": 4}
INTERPOLATION = choice(
    "interpolation", _INTERPOLATIONS, "linear", "How the image is resampled; the mask always by nearest.", advanced=True
)
_POSITIONS = ("center", "top_left", "top_right", "bottom_left", "bottom_right", "random")

# Parameters that mean the same in every transform that has them.
_COMMON: Mapping[str, Word] = {
    "interpolation": INTERPOLATION,
    "mask_interpolation": Refused("is always nearest here: anything else would invent label ids. Leave it out."),
    "keypoint_remapping_method": Refused("is about keypoints, which are not augmented here. Leave it out."),
    "rotate_method": Refused("is about boxes, which are not augmented here. Leave it out."),
    "area_for_downscale": choice(
        "area_for_downscale",
        {"never": None, "image": "image"},
        "never",
        "Whether the image is averaged over areas where it shrinks.",
        advanced=True,
    ),
    **{
        name: choice(
            name,
            {each: each for each in _POSITIONS},
            "center",
            "Where the picture lies in the padded one.",
            advanced=True,
        )
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
    "keep",
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
    "grey",
    "What holes become; random: each pixel, random_uniform: each hole, inpaint: what lies around (slow).",
    advanced=True,
)


def transform(
    name: str,
    summary: str,
    phrase: str,
    contradiction: Callable[[Mapping[str, Any]], str | None] | None = None,
    *,
    group: str,
    keeps_size: bool = True,
    default_p: float = 0.5,
    **words: Word,
) -> TransformSpec:
    """One transform of the catalog.

    Args:
        name: Its name in albumentations.
        summary: One sentence.
        phrase: Sentence template over parameter names.
        contradiction: As in `TransformSpec`.
        group: Its group.
        keeps_size: As in `TransformSpec`.
        default_p: As in `TransformSpec`.
        **words: Library parameter -> what is said by hand about it, in the order of the editor.

    Raises:
        ValueError: when a parameter is not the library's, or neither the library nor a hand says its bounds.
    """
    library = recorded().transforms[name]
    if strange := set(words) - set(library.parameters):
        raise ValueError(f"{name} has no {', '.join(sorted(strange))} in albumentations.")
    said = {key: words.get(key, _COMMON.get(key, Knob())) for key in (*words, *library.parameters)}
    params = [_parameter(name, key, word, library) for key, word in said.items() if isinstance(word, Knob | Parameter)]
    return TransformSpec(
        name,
        group,
        summary,
        phrase,
        tuple(sorted(params, key=lambda each: each.advanced)),
        fixed={key: word.value for key, word in said.items() if isinstance(word, Fixed)},
        defaults_of_library={key: each.default for key, each in library.parameters.items() if not each.required},
        moves_mask="mask" in library.targets and group != "dropout",
        keeps_size=keeps_size,
        default_p=default_p,
        contradiction=contradiction,
        refusals={key: word.reason for key, word in said.items() if isinstance(word, Refused)},
    )


def _parameter(transform: str, name: str, word: Knob | Parameter, library: LibraryTransform) -> Parameter:
    if isinstance(word, Parameter):
        return word
    found = library.parameters[name]
    default = found.default if word.default is _LIBRARY else word.default
    common: dict[str, Any] = {
        "name": name,
        "help": word.help or found.help,
        "advanced": word.advanced,
        "default": default,
    }
    if found.kind == "flag":
        return Flag(**common)
    if found.kind == "choice":
        return Choice(**common, options={str(each): each for each in found.options})
    if found.kind == "region":
        return Region(**common)
    if found.kind == "color":
        return Color(**common)
    bounds = _bounds(transform, name, word, found)
    if isinstance(default, tuple) and found.kind == "pair":
        return Pair(**common, **bounds, parts=word.parts)
    if found.kind == "axes":
        return Axes(**common, **bounds, none=word.none)
    if isinstance(default, tuple) or found.kind == "range":
        return Range(**common, **bounds, none=word.none)
    return Number(**common, **bounds, none=word.none)


def _bounds(transform: str, name: str, word: Knob, found: LibraryParameter) -> dict[str, Any]:
    """Low, high, step and unit."""
    low = found.low if word.low is None else word.low
    high = found.high if word.high is None else word.high
    if low is None or high is None:
        raise ValueError(f"{transform}: albumentations does not bound {name}; say low and high.")
    step = word.step if word.step is not None else 1 if found.whole else 0.05
    whole = isinstance(step, int)
    return {
        "low": int(low) if whole else low,
        "high": int(high) if whole else high,
        "step": step,
        "unit": word.unit,
    }
