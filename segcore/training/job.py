"""One training, prepared: its settings, data, split and hardware."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from segcore import data
from segcore.models.encoders import Normalization
from segcore.models.initial_weights import InitialWeights
from segcore.training.config import TrainConfig
from segcore.training.console import Reporter
from segcore.training.distributed import World
from segcore.training.hardware import Hardware
from segcore.training.signals import StopRequest
from segcore.training.train_dataset import SampleStore


@dataclass(frozen=True)
class Job:
    """One prepared training. The run's folder is not part of it: several runs could be trained from the same job.

    Args:
        config: The settings of one model, seed and fold.
        dataset: The open dataset.
        plan: Its split into training, validation and test.
        store: The training and validation samples at the model's input size.
        hardware: Device and precision.
        world: The processes that train it together.
        reporter: Prints progress.
        stop: Whether Ctrl-C or SIGTERM was received.
        norm: Mean and standard deviation of the input: the encoder's, or those of the run that the model starts from.
        origin: Commit and command from `provenance.origin`, when another process received the user's command.
        initial: The weights that the model starts from (`--init`), read once for all trainings of a session; None
            without, and when a training resumes.
        resumed: A checkpoint has every weight, so that none is read from elsewhere.
        only: Ids that `only` lists, of all splits; empty where all of train is trained on.
    """

    config: TrainConfig
    dataset: data.Dataset
    plan: data.SplitPlan
    store: SampleStore
    hardware: Hardware
    world: World
    reporter: Reporter
    stop: StopRequest
    norm: Normalization
    origin: Mapping[str, str | None] | None = None
    initial: InitialWeights | None = None
    resumed: bool = False
    only: tuple[str, ...] = ()

    @property
    def model(self) -> str:
        """Name of the architecture."""
        return self.config.models[0]
