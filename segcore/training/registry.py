"""Names and descriptions of losses, optimizers, schedules and loggers. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping

from segcore.errors import ConfigError, nearest, unknown
from segcore.extensions import packages
from segcore.extensions.code_file import CodeName

# `segcore.training.losses.terms.TERMS` computes each loss of this list.
LOSSES: dict[str, str] = {
    "ce": "pixel-wise cross entropy",
    "weighted_ce": "cross entropy weighted by class, so that rare classes count; see class_weights",
    "dice": "1 - Dice, averaged over the classes present in the batch (Milletari et al. 2016)",
    "focal": "cross entropy turned to the pixels that are wrong (Lin et al. 2017)",
    "lovasz": "Lovasz extension of 1 - IoU, averaged over the classes present in an image, then over images "
    "(Berman et al. 2018)",
    "ohem": "cross entropy of the hardest pixels only, chosen by each process among its own (Shrivastava et al. 2016)",
    "boundary_ce": "cross entropy that counts pixels near class boundaries more (Ronneberger et al. 2015)",
}
CLASS_WEIGHTS: Mapping[str, str] = {
    "median": "median frequency balancing (Eigen and Fergus 2015)",
    "inverse": "inverse frequency, scaled to a geometric mean of 1",
    "effective": "inverse effective number of pixels (Cui et al. 2019), scaled to a geometric mean of 1",
}
OPTIMIZERS: Mapping[str, str] = {
    "sgd": "SGD with momentum, Nesterov's unless nesterov is off",
    "adam": "Adam (Kingma and Ba 2015)",
    "adamw": "AdamW, weight decay apart from the gradient (Loshchilov and Hutter 2019)",
    "rmsprop": "RMSprop with momentum (Tieleman and Hinton 2012)",
}
SCHEDULES: Mapping[str, str] = {
    "constant": "the same to the end",
    "step": "multiplied by decay every decay_epochs after the warm-up",
    "exponential": "falling evenly after the warm-up, by decay in decay_epochs",
    "cosine": "half a cosine down to zero (Loshchilov and Hutter 2017)",
    "poly": "(1 - step / steps) ** poly_power, 0.9 in DeepLab",
    "one-cycle": "up along a cosine for the warm-up, down along one for the rest (Smith and Topin 2018)",
}
LOGGERS: Mapping[str, str] = {
    "tensorboard": "TensorBoard event files",
    "mlflow": "MLflow, at MLFLOW_TRACKING_URI or in a local database",
    "wandb": "Weights & Biases",
}


def parse_loss(text: str) -> tuple[tuple[float, str], ...]:
    """Parse a sum of losses into (factor, name) pairs.

    >>> parse_loss("ce+0.5*dice")
    ((1.0, 'ce'), (0.5, 'dice'))

    Raises:
        ConfigError: when a loss is unknown (the choices are listed) or a factor is not a positive number.
    """
    terms: list[tuple[float, str]] = []
    for term in text.split("+"):
        factor, star, name = (part.strip() for part in term.rpartition("*"))
        _check_loss_name(name)
        try:
            weight = float(factor) if star else 1.0
        except ValueError:
            weight = 0.0
        if not 0 < weight < float("inf"):
            raise ConfigError(f"Loss {text!r}: {factor!r} is no factor; expected a positive number, as in ce+0.5*dice.")
        terms.append((weight, name))
    return tuple(terms)


def _check_loss_name(name: str) -> None:
    """Accept a name of `LOSSES`, `FILE.py:FUNCTION`, or one that an installed package announces."""
    code = CodeName.parse(name)
    if code is not None:
        code.check()
        return
    names = [*LOSSES, *packages.announced(packages.LOSSES)]
    if name not in names:
        raise ConfigError(
            f"No loss {name!r}.{nearest(name, names)} Choose one of {', '.join(names)}, or a sum of them such as "
            "ce+0.5*dice; FILE.py:FUNCTION is one of your own."
        )


def check_choice(what: str, name: str, choices: Mapping[str, object]) -> str:
    """Return the name if it is one of the choices.

    Raises:
        ConfigError: when it is not; the choices are listed.
    """
    if name not in choices:
        raise ConfigError(unknown(what, name, choices))
    return name
