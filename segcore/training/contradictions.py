"""Refuses settings of a training that contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segcore.extensions.code_file import check_distinct

if TYPE_CHECKING:
    from segcore.training.config import TrainConfig

AT_EPOCHS = ("unfreeze", "progressive")  # settings of the form {epoch: value}


def check_together(config: TrainConfig) -> None:
    """Check that the settings fit each other.

    Raises:
        ValueError: names two that don't, without a full stop; pydantic wants it of a validator.
    """
    if config.freeze != "none" and config.encoder_weights == "none" and not config.init:
        raise ValueError(
            f"freeze is {config.freeze} and encoder_weights is none: random weights would stay random. Give the "
            "encoder weights (--encoder-weights imagenet), or train it (--freeze none)"
        )
    if config.unfreeze and config.freeze != "schedule":
        raise ValueError(f"unfreeze is given and freeze is {config.freeze}. Write --freeze schedule, or leave it out")
    if not isinstance(config.class_weights, str) and "weighted_ce" not in config.loss:
        raise ValueError(
            f"class_weights are given and loss is {config.loss}, which has none. Write --loss weighted_ce, or leave "
            "class_weights out"
        )
    if config.cache_features and config.freeze not in ("encoder", "schedule"):
        raise ValueError(
            f"cache_features needs a frozen encoder and freeze is {config.freeze}. Write --freeze encoder or schedule"
        )
    cached = {config.size_at(epoch) for epoch in range(config.epochs) if config.frozen_at(epoch) == "encoder"}
    if config.cache_features and len(cached) > 1:
        raise ValueError(
            f"cache_features keeps what the frozen encoder sees at one size, and progressive changes it while the "
            f"encoder is frozen ({' and '.join(f'{height}x{width}' for height, width in sorted(cached))}). Unfreeze it "
            "before the size changes (--unfreeze), or leave one of the two out"
        )
    if config.fold is not None and config.fold >= config.folds:
        raise ValueError(f"fold is {config.fold} of {config.folds} folds; expected 0 to folds - 1 (--folds 5 --fold 0)")
    if config.split == "all" and (config.folds or config.early_stopping):
        raise ValueError("split all has no validation: folds and early_stopping must be 0, or choose another split")
    if config.folds == 1:
        raise ValueError("folds is 1; expected 2 or more, or 0 for one split into training and validation")
    for model in config.models:
        check_distinct([model, *config.names_by_setting["loss"]])
    height, width = config.image_size
    for size in config.progressive.values():
        if size[0] > height or size[1] > width:
            raise ValueError(
                f"progressive trains at {size[0]}x{size[1]} and image_size is {height}x{width}: pictures are kept "
                "at image_size, and a larger one would be blown up. Make image_size the largest"
            )
    for what in AT_EPOCHS:
        late = [epoch for epoch in getattr(config, what) if epoch >= config.epochs]
        if late:
            raise ValueError(f"{what} names epoch {late[0]}, and the last is {config.epochs - 1}, counted from 0")
