"""Names pipelines: presets and the files saved in `pipelines/` by theirs, others by what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from segcore.augment.pipeline import Pipeline
from segcore.augment.presets import presets
from segcore.errors import SegcoreError, number

FOLDER = Path("pipelines")


def saved_files() -> list[Path]:
    """List the files in `pipelines/`, sorted by name."""
    return sorted(FOLDER.glob("*.yaml")) if FOLDER.is_dir() else []


def pipeline_names() -> dict[Pipeline, str]:
    """The pipelines that have a name, and the name; files that can't be read are left out."""
    names = {preset: name for name, preset in presets().items()}
    for path in saved_files():
        try:
            names.setdefault(Pipeline.from_yaml(path), path.stem)
        except SegcoreError:
            continue
    return names


def pipelines_in_words(pipelines: Sequence[Pipeline]) -> list[str]:
    """The name of each pipeline; of one without a name, the number of its transforms and those that others lack.

    >>> from segcore.augment import Step
    >>> light = presets()["light"]
    >>> pipelines_in_words([light, Pipeline((light.steps[0], Step.create("VerticalFlip")))])
    ['light', 'custom: 2 transforms (Flip upside down, half the time)']
    """
    names = pipeline_names()
    return [names.get(pipeline) or _custom(pipeline, pipelines) for pipeline in pipelines]


def _custom(pipeline: Pipeline, pipelines: Sequence[Pipeline]) -> str:
    """A pipeline without a name; all its transforms where it differs from the others in their order alone."""
    own = [node for node in pipeline.active if not all(node in other.active for other in pipelines)]
    sentences = "; ".join(node.sentence() for node in own or pipeline.active)
    return f"custom: {number(len(pipeline.active), 'transform')} ({sentences})"
