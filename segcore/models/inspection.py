"""Describes a built model: runs it once on an image without values, and follows each tensor to the stages it is from.

On torch's meta device only shapes are computed, so that a large model and image cost neither memory nor time.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from segcore.errors import ModelError, first_line
from segcore.models.description import ModelDescription, Part, Stage
from segcore.models.encoders import parameter_stages
from segcore.models.freezing import count_parameters
from segcore.models.registry import ModelSpec

FEW, MANY = 4, 16  # stages of a model without encoder and decoder: fewer are opened while there are not too many
PARTS: tuple[Part, ...] = ("encoder", "decoder", "head")
IMAGE = "image"


def describe(
    build: Callable[[], nn.Module], size: tuple[int, int], *, spec: ModelSpec | None = None, encoder: str = ""
) -> ModelDescription:
    """Describe a model for images of one size.

    Args:
        build: Makes the model: of `[N, 3, H, W]` images, `[N, classes, H, W]` scores. Called with torch's default
            device set to `meta`, and once more without where the model can't be made or run so.
        size: (height, width) of the image.
        spec: Its entry in the catalogue; None for a model that is not there.
        encoder: Name of its encoder.

    Raises:
        ModelError: when it can't be run on an image of this size.
    """
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that stored weights are not kept
            model = build().to("meta")
            record = _run(model, size)
    except (RuntimeError, NotImplementedError, TypeError):  # it computes with values, which a meta tensor lacks
        model = build()
        try:
            record = _run(model, size)
        except Exception as error:  # whatever a user's forward raises
            raise ModelError(
                f"{type(model).__name__} can't be run on an image of {size[0]}x{size[1]}: {first_line(error)}."
            ) from error
    stages = tuple(_stages(model, record))
    return ModelDescription(
        title=spec.title if spec else type(model).__name__,
        summary=spec.summary if spec else "",
        paper=f"{spec.paper.title}. {spec.paper.authors}, {spec.paper.year}" if spec and spec.paper else "",
        encoder=encoder,
        size=size,
        classes=record.classes,
        stride=(spec.stride if spec else None) or _stride(stages, size),
        parameters=count_parameters(model),
        macs=record.flops.get("", 0) // 2,  # torch counts a multiplication and an addition as two operations
        parts={
            part: (count_parameters(module), record.flops.get(name, 0) // 2)
            for part, name, module in _parts(model)
            if count_parameters(module)
        },
        stages=stages,
    )


@dataclass
class _Record(TorchDispatchMode):
    """What one forward pass did.

    Args:
        parents: Tensor (by `id`) -> those it was computed from.
        outputs: Module (by name) -> the tensors it returned, in the order in which modules returned.
        flops: Module -> operations; the whole model is `""`.
        classes: Channels of the scores.
        kept: Every tensor, so that no `id` is used twice.
    """

    image: Tensor
    parents: dict[int, set[int]] = field(default_factory=dict)
    outputs: dict[str, list[Tensor]] = field(default_factory=dict)
    flops: dict[str, int] = field(default_factory=dict)
    classes: int = 0
    kept: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        result = func(*args, **(kwargs or {}))
        read = {id(value) for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)}
        self.kept += [args, result]
        for value in tree_leaves(result):
            if isinstance(value, Tensor):
                self.parents.setdefault(id(value), set()).update(read - {id(value)})
        return result


@torch.no_grad()
def _run(model: nn.Module, size: tuple[int, int]) -> _Record:
    """Run a model once in `eval()`; its mode is restored."""
    was_training = model.training
    device = next(model.parameters(), torch.empty(0)).device
    record = _Record(torch.zeros(1, 3, *size, device=device))
    counter = FlopCounterMode(display=False)

    def keep(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, __: object, output: object) -> None:
            record.outputs.setdefault(name, []).extend(_tensors(output))

        return hook

    handles = [module.register_forward_hook(keep(name)) for name, module in model.named_modules()]
    try:
        with record, counter:
            model.eval()(record.image)
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    root = type(model).__name__
    counts = {name: sum(operations.values()) for name, operations in counter.get_flop_counts().items()}
    record.flops = {name.removeprefix(f"{root}."): count for name, count in counts.items()} | {
        "": counter.get_total_flops()
    }
    record.classes = record.outputs[""][0].shape[1]
    return record


def _tensors(output: object) -> list[Tensor]:
    return [value for value in tree_leaves(output) if isinstance(value, Tensor) and value.numel()]


def _parts(model: nn.Module) -> Iterator[tuple[Part, str, nn.Module]]:
    """(part, name in the model, module) of a model that is made of encoder, decoder and head."""
    for part, name in zip(PARTS, ("encoder", "decoder", "segmentation_head"), strict=True):
        module = getattr(model, name, None)
        if isinstance(module, nn.Module):
            yield part, name, module


def _stages(model: nn.Module, record: _Record) -> Iterator[Stage]:
    """The stages in the order in which they end, with the stages that feed each."""
    parts = {part: (name, module) for part, name, module in _parts(model)}
    named: dict[str, tuple[Part, str, int, list[Tensor]]] = {IMAGE: ("image", "", 0, [record.image])}
    if "encoder" in parts and "decoder" in parts:
        named |= _features(*parts["encoder"], record)
        for part in ("decoder", "head"):
            if part in parts:
                name, module = parts[part]
                blocks = _in_order(_blocks(name, module, record), record) if part == "decoder" else []
                for block in blocks or [name]:
                    named |= _named(model, block, part, record)
    else:
        for name in _top_blocks(model, record):
            named |= _named(model, name, "module", record)
    marks: dict[int, str] = {}
    for name, (*_, tensors) in named.items():
        for tensor in tensors:
            marks.setdefault(id(tensor), name)
    for name, (part, kind, parameters, tensors) in named.items():
        mine = [tensor for tensor in tensors if marks[id(tensor)] == name]
        if mine:  # not one that hands on what it got
            inputs = {source for tensor in mine for source in _sources(tensor, name, marks, record)}
            order = tuple(source for source in named if source in inputs)
            yield Stage(name, part, kind, tuple(mine[-1].shape[1:]), parameters, order)


def _named(model: nn.Module, name: str, part: Part, record: _Record) -> dict[str, tuple[Part, str, int, list[Tensor]]]:
    module = model.get_submodule(name)
    outputs = record.outputs.get(name, [])
    return {name: (part, type(module).__name__, count_parameters(module), outputs)} if outputs else {}


def _features(name: str, encoder: nn.Module, record: _Record) -> dict[str, tuple[Part, str, int, list[Tensor]]]:
    """The encoder's features, each as a stage; the padded image, which smp's encoders return first, is the image."""
    stages = parameter_stages(encoder)
    counts = dict.fromkeys(stages.values(), 0)
    for parameter, stage in stages.items():
        counts[stage] += encoder.get_parameter(parameter).numel()
    features: dict[str, tuple[Part, str, int, list[Tensor]]] = {}
    outputs = record.outputs.get(name, [])
    empty = 0 if len(outputs) > max(stages.values(), default=0) else 1 + max(stages.values()) - len(outputs)
    for place, tensor in enumerate(outputs):
        if place == 0 and tensor.shape[1] == record.image.shape[1]:
            record.parents.setdefault(id(tensor), set())
            features[IMAGE] = ("image", "", 0, [record.image, tensor])
        else:
            number = place + (empty if place else 0)
            features[f"encoder {number}"] = ("encoder", type(encoder).__name__, counts.get(number, 0), [tensor])
    return features


def _blocks(name: str, module: nn.Module, record: _Record) -> list[str]:
    """The children of a module that learn more than a scale; those of a list one by one."""
    blocks: list[str] = []
    for child_name, child in module.named_children():
        path = f"{name}.{child_name}" if name else child_name
        if path not in record.outputs:  # a list or dict of modules, which has no forward of its own
            blocks += _blocks(path, child, record)
        elif any(parameter.ndim > 1 for parameter in child.parameters()):
            blocks.append(path)
    return blocks


def _top_blocks(model: nn.Module, record: _Record) -> list[str]:
    """The modules at the top of a model; where they are few, those inside the largest instead."""
    blocks = _blocks("", model, record)
    opened: set[str] = set()
    while len(blocks) < FEW:
        closed = [name for name in blocks if name not in opened]
        if not closed:
            break
        largest = max(closed, key=lambda name: count_parameters(model.get_submodule(name)))
        inner = _blocks(largest, model.get_submodule(largest), record)
        opened.add(largest)
        if inner and len(blocks) - 1 + len(inner) <= MANY:
            place = blocks.index(largest)
            blocks[place : place + 1] = inner
    return _in_order(blocks, record) or [""]


def _in_order(names: Sequence[str], record: _Record) -> list[str]:
    """Names of modules in the order in which they returned."""
    return [name for name in record.outputs if name in names]


def _sources(tensor: Tensor, name: str, marks: dict[int, str], record: _Record) -> set[str]:
    """The stages that a tensor was computed from, without any other stage between."""
    sources: set[str] = set()
    seen, waiting = {id(tensor)}, list(record.parents.get(id(tensor), ()))
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        if current in marks and marks[current] != name:
            sources.add(marks[current])
        else:
            waiting += record.parents.get(current, ())
    return sources


def _stride(stages: Sequence[Stage], size: tuple[int, int]) -> int:
    """Pixels of the image for one cell of the last stage that learns."""
    maps = [stage for stage in stages if len(stage.shape) == 3 and stage.parameters]
    return max(1, round(size[0] / maps[-1].shape[1])) if maps else 1
