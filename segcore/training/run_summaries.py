"""Builds a run's `summary.json` before and after its training."""

from __future__ import annotations

import resource
import sys
from itertools import pairwise

from segcore.data.leaks import leak_sentences
from segcore.models import model_spec
from segcore.runs import DatasetInfo, InputInfo, RunWriter, Status, Summary
from segcore.runs.provenance import now, provenance
from segcore.training.callbacks import Progress
from segcore.training.checkpoint import Checkpoint
from segcore.training.config import TrainConfig
from segcore.training.job import Job


def first_summary(job: Job, writer: RunWriter, checkpoint: Checkpoint | None = None) -> Summary:
    """The summary of a run that starts, without its model's parameters, or that resumes from a checkpoint.

    A resumed run keeps the versions and the command that started it; scores only where no weights will change any more.
    """
    if checkpoint and job.world.first:
        scores = {} if checkpoint.progress["ended"] else {"val": None, "test": None}
        update = {"status": "training", "error": None, "best_epoch": None, "weights_sha256": None, **scores}
        return writer.record().summary.model_copy(update=update)
    config, dataset = job.config, job.dataset
    height, width = config.image_size
    spec = model_spec(job.model)
    return Summary(
        run_id=writer.id,
        status="training",
        created=now(),
        model=spec.stored_name,
        encoder=spec.encoder or config.encoder,
        encoder_weights=None if config.init else spec.weights_of(config.encoder_weights),
        parameters=0,
        labels=dataset.labels.to_dict(),
        dataset=DatasetInfo.of(
            dataset,
            job.plan,
            void=config.void,
            leaks=leak_sentences(dataset, job.plan) if job.world.first else None,
        ),
        input=InputInfo(height=height, width=width, mean=job.norm.mean, std=job.norm.std),
        device=job.hardware.device,
        precision=job.hardware.precision,
        seed=config.seed,
        **provenance(job.origin),
    )


def ended(summary: Summary, status: Status, error: str | None, progress: Progress) -> Summary:
    """The summary with how the training ended and what it cost."""
    seconds = progress.seconds
    return summary.model_copy(
        update={
            "status": status,
            "error": error,
            "best_epoch": progress.best_epoch,
            "epochs": progress.epochs,
            "train_seconds": round(seconds, 3),
            "images_per_second": round(progress.images / seconds, 3) if seconds else None,
            "data_wait": round(progress.wait_share, 5) if seconds else None,
            "peak_memory_mb": round(peak_memory_mb(), 1),
        }
    )


def peak_memory_mb() -> float:
    """Peak memory of this process in MB; its data workers are not included."""
    scale = 1e-6 if sys.platform == "darwin" else 1.024e-3  # bytes there, KiB elsewhere
    return scale * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def frozen_text(config: TrainConfig) -> str:
    """The frozen stages and from which epoch on, in words."""
    if config.freeze == "schedule":
        changes = [(epoch, config.frozen_at(epoch)) for epoch in range(config.epochs)]
        steps = [changes[0], *(now for before, now in pairwise(changes) if before[1] != now[1])]
        return "; ".join(f"from epoch {epoch + 1}: {_frozen_word(frozen)}" for epoch, frozen in steps)
    return _frozen_word(config.freeze)


def _frozen_word(frozen: str) -> str:
    return {"none": "nothing frozen", "encoder": "encoder frozen", "1": "first stage frozen"}.get(
        frozen, f"first {frozen} stages frozen"
    )
