"""Starts a model from the weights of another one: the tensors that fit, and class rows by the names of the classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from segcore.errors import WeightsError, enumerated, listed, number
from segcore.labels import class_finder
from segcore.models.encoder_weights import EncoderFit, is_counter
from segcore.models.state_dict_file import PREFIXES, State

# Of a model's tensors, the share that must fit: an encoder alone is more, another architecture's accidents are less.
LEAST_SHARE = 0.5
_WRAPPERS = frozenset(PREFIXES) - {"encoder", "backbone"}
_FEW = 4  # tensors that a message names

Axes = Mapping[str, tuple[int, ...]]  # tensor name -> its dimensions that have one entry a class


@dataclass(frozen=True)
class InitialWeights:
    """Weights that a model can start from.

    Args:
        source: Where they are from, as people name it.
        tensors: By name; prefixes that wrappers put before the names don't matter.
        classes: Names of the classes of its scores, in order; None where the source does not name them.
        made_as: What the source says of its model, e.g. `FPN on resnet34`; empty where it says nothing.
    """

    source: str
    tensors: State
    classes: tuple[str, ...] | None = None
    made_as: str = ""


@dataclass(frozen=True)
class Transfer:
    """What a model took from other weights.

    Args:
        tensors: How many the model has; the step counters of normalisation layers are no weights.
        taken: Names of the tensors that were taken, wholly or in the rows of some classes.
        classes: Class of the model -> class of the weights whose rows it took.
        fresh: Classes of the model that begin fresh.
        not_taken: Why each other tensor was not, such as `decoder.p5.weight is not there`.
        unused: Tensors of the source that the model has no place for.
    """

    tensors: int
    taken: tuple[str, ...]
    classes: Mapping[str, str]
    fresh: tuple[str, ...]
    not_taken: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        """One sentence on the tensors and one on the classes, without the last full stop."""
        text = f"{len(self.taken)} of {number(self.tensors, 'tensor')} taken"
        if self.not_taken:
            text += f"; the others begin fresh: {listed(self.not_taken, _FEW, '; ')}"
        if self.unused:
            text += f"; without a place here: {listed(self.unused, _FEW)}"
        pairs = [name if name == other else f"{name} (there {other})" for name, other in self.classes.items()]
        text += f". Classes taken by name: {', '.join(pairs) or 'none'}"
        return text + (f"; fresh: {', '.join(self.fresh)}" if self.fresh else "")


def class_axes(model: nn.Module, build: Callable[[int], nn.Module], classes: int) -> Axes:
    """The dimensions of a model's tensors that have one entry a class.

    Found by building the model once more with one class more, so it holds for every architecture.

    Args:
        model: Built for `classes`.
        build: Builds the same architecture for any number of classes.
        classes: Number of classes C.
    """
    with torch.random.fork_rng(devices=[]):
        larger = build(classes + 1).state_dict()
    axes = {}
    for name, value in model.state_dict().items():
        other = larger.get(name)
        if other is not None and other.ndim == value.ndim and other.shape != value.shape:
            axes[name] = tuple(axis for axis in range(value.ndim) if value.shape[axis] != other.shape[axis])
    return axes


def mean_of(sources: Sequence[InitialWeights]) -> InitialWeights:
    """The mean of weights, tensor by tensor, in float32; whole numbers, such as step counters, are the first's.

    Of models that went on from one start in different ways it is often better than each of them, and as fast as one:
    Wortsman et al. 2022, *Model soups*, arXiv:2203.05482. Of models that began apart it is no model.

    Args:
        sources: At least one; a single one is returned as it is.

    Raises:
        WeightsError: when they differ in names or shapes of tensors, or in classes.
    """
    first, *others = sources
    if not others:
        return first
    for other in others:
        for what, one, two in (
            ("tensors", _shapes(first), _shapes(other)),
            ("classes", set(enumerate(first.classes or ())), set(enumerate(other.classes or ()))),
        ):
            if one != two:
                raise WeightsError(
                    f"{other.source}: {len(two - one)} of its {len(two)} {what} are not those of {first.source}, which "
                    f"has {len(one)}, so the mean of both is no model. Give runs of one architecture and the same "
                    "classes, which went on from one start."
                )
    tensors = [{bare: source.tensors[name] for name, bare in _bare(source.tensors).items()} for source in sources]
    return InitialWeights(
        f"the mean of {enumerated([source.source for source in sources])}",
        {
            name: torch.stack([one[name].float() for one in tensors]).mean(0) if value.is_floating_point() else value
            for name, value in tensors[0].items()
        },
        first.classes,
        first.made_as,
    )


def _shapes(weights: InitialWeights) -> set[tuple[str, torch.Size]]:
    bare = _bare(weights.tensors)
    return {(bare[name], value.shape) for name, value in weights.tensors.items() if not is_counter(name)}


@torch.no_grad()
def start_from(model: nn.Module, weights: InitialWeights, classes: Sequence[str], axes: Axes) -> Transfer:
    """Copy the weights that fit into a model, in place; the others stay as they are.

    A tensor fits when the source has one of its name and shape. One with an entry a class takes the entries of the
    classes that the source has too, by name.

    Args:
        model: Any model.
        weights: Where it starts from.
        classes: Names of the model's classes, in order.
        axes: From `class_axes`.

    Raises:
        WeightsError: when less than half of the model's tensors fit, or some are not finite; the model is then as it
            was.
    """
    rows = _matching_rows(classes, weights.classes)
    own = model.state_dict()
    names = _same_names(own, weights.tensors)
    fitted: State = {}
    not_taken: list[str] = []
    for name, value in own.items():
        try:
            given = weights.tensors[names[name]] if name in names else None
            fitted[name] = _fitted(value, given, axes.get(name, ()), rows, weights.classes)
        except _Misfit as misfit:
            if not is_counter(name):
                not_taken.append(f"{name} {misfit}")
    taken = tuple(name for name in fitted if not is_counter(name))
    by_class = any(name in axes for name in taken)
    used = set(names.values())
    transfer = Transfer(
        tensors=len(taken) + len(not_taken),
        taken=taken,
        classes={name: (weights.classes or ())[row[1]] for name, row in rows.items() if by_class},
        fresh=tuple(name for name in classes if name not in rows or not by_class),
        not_taken=tuple(not_taken),
        unused=tuple(name for name in weights.tensors if name not in used and not is_counter(name)),
    )
    _refuse(model, weights, transfer, fitted)
    model.load_state_dict(own | fitted)
    return transfer


class _Misfit(Exception):
    """Why a tensor is not taken."""


Rows = Mapping[str, tuple[int, int]]  # class -> (its row in the model, its row in the weights)


def _matching_rows(classes: Sequence[str], source: Sequence[str] | None) -> Rows:
    """Rows of the classes that both have; a class of the source is given to one class only."""
    same_class = class_finder(source or ())
    rows: dict[str, tuple[int, int]] = {}
    used: set[str] = set()
    for row, name in sorted(enumerate(classes), key=lambda item: item[1] not in (source or ())):  # exact names first
        other = same_class(name)
        if source is not None and other is not None and other not in used:
            used.add(other)
            rows[name] = (row, list(source).index(other))
    return {name: rows[name] for name in classes if name in rows}


def _fitted(own: Tensor, given: Tensor | None, axes: Sequence[int], rows: Rows, source: Sequence[str] | None) -> Tensor:
    """The tensor that the model takes, as a new one of its dtype. Raises `_Misfit` when nothing of it fits."""
    if given is None:
        raise _Misfit("is not there")
    if not axes:
        if given.shape != own.shape:
            raise _Misfit(f"is {list(own.shape)}, there {list(given.shape)}")
        return given.to(own.dtype)
    if source is None:
        raise _Misfit("has a row a class, and the source does not name its classes")
    expected = [len(source) if axis in axes else side for axis, side in enumerate(own.shape)]
    if list(given.shape) != expected:
        raise _Misfit(f"is {list(own.shape)} with a row a class; there {list(given.shape)} for {len(source)} classes")
    if not rows:
        raise _Misfit("has a row a class, and no class has the same name")
    result = own.clone()
    mine, theirs = (torch.tensor(index) for index in zip(*rows.values(), strict=True))
    front = tuple(range(len(axes)))
    block = given.to(own.dtype).movedim(tuple(axes), front)[torch.meshgrid([theirs] * len(axes), indexing="ij")]
    result.movedim(tuple(axes), front)[torch.meshgrid([mine] * len(axes), indexing="ij")] = block
    return result


def _refuse(model: nn.Module, weights: InitialWeights, transfer: Transfer, fitted: State) -> None:
    broken = [name for name, value in fitted.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise WeightsError(
            f"{weights.source}: NaN or infinity in {number(len(broken), 'tensor')}, first {broken[0]}; a training "
            "can't start from it. Choose another run or file."
        )
    if len(transfer.taken) >= LEAST_SHARE * transfer.tensors:
        return
    made_as = f" They are of {weights.made_as}: train that, or choose another start." if weights.made_as else ""
    encoder = getattr(model, "encoder", None)
    if not made_as and isinstance(encoder, nn.Module):
        fit = EncoderFit.of(encoder, weights.tensors)
        if not (fit.missing or fit.misshapen):
            made_as = " They are weights of the encoder alone: --encoder-weights takes those."
    fits = f" ({listed(transfer.taken, _FEW)})" if transfer.taken else ""
    raise WeightsError(
        f"{weights.source}: only {len(transfer.taken)} of the model's {number(transfer.tensors, 'tensor')} fit{fits}, "
        f"fewer than half: these are weights of another architecture or encoder. What does not fit: "
        f"{listed(transfer.not_taken, _FEW, '; ')}.{made_as}"
    )


def _same_names(own: Iterable[str], source: Iterable[str]) -> dict[str, str]:
    """Names of a model's tensors -> their names in a source: exactly the same ones first, then without wrappers."""
    mine, theirs = _bare(own), _bare(source)
    exact = {name: name for name in mine if name in theirs}
    left = {bare: name for name, bare in theirs.items() if name not in exact}
    return {name: left[bare] for name, bare in mine.items() if name not in exact and bare in left} | exact


def _bare(names: Iterable[str]) -> dict[str, str]:
    """Each tensor's name without what wrappers put before it (`module.model.`), as far as no two become the same.

    >>> _bare(["module.model.conv", "module.net.conv", "module.model.head"])
    {'module.model.conv': 'model.conv', 'module.net.conv': 'net.conv', 'module.model.head': 'head'}
    """
    bare = {name: name for name in names}
    firsts = {name.partition(".")[0] for name in bare.values()}
    while len(firsts) == 1 and firsts <= _WRAPPERS and all("." in name for name in bare.values()):  # it wraps them all
        bare = {name: rest.partition(".")[2] for name, rest in bare.items()}
        firsts = {name.partition(".")[0] for name in bare.values()}
    shortest = {name: _unwrapped(short) for name, short in bare.items()}
    count = Counter(shortest.values())
    return {name: shortest[name] if count[shortest[name]] == 1 else short for name, short in bare.items()}


def _unwrapped(name: str) -> str:
    first, dot, rest = name.partition(".")
    while dot and first in _WRAPPERS:
        name = rest
        first, dot, rest = name.partition(".")
    return name
