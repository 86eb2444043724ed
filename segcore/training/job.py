"""What one training stands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from segcore import data
from segcore.runs import RunWriter, Summary
from segcore.training.config import TrainConfig
from segcore.training.console import Reporter
from segcore.training.distributed import World
from segcore.training.hardware import Hardware
from segcore.training.signals import StopRequest
from segcore.training.train_dataset import SampleStore


@dataclass(frozen=True)
class Job:
    """One training and what it stands on.

    Args:
        config: The settings, of one model, seed and fold.
        dataset: Open.
        plan: Its split.
        store: Its training and validation samples at the size of the model.
        hardware: Where it runs.
        world: The processes that train it together.
        reporter: Tells the user.
        stop: Whether the user asked to stop.
        writer: Of the run.
        origin: Of `provenance`, where another process got the user's command.
    """

    config: TrainConfig
    dataset: data.Dataset
    plan: data.SplitPlan
    store: SampleStore
    hardware: Hardware
    world: World
    reporter: Reporter
    stop: StopRequest
    writer: RunWriter
    origin: Mapping[str, str | None] | None = None

    @property
    def model(self) -> str:
        """The architecture."""
        return self.config.models[0]

    def split_ids(self, split: str) -> tuple[str, ...]:
        """Frames of `val` or `test`, each once."""
        return self.plan.scored(split)

    def write(self, summary: Summary) -> None:
        """Write `summary.json`, from the first process alone."""
        if self.world.first:
            self.writer.write_summary(summary)
