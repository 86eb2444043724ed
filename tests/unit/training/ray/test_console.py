"""What several trainings at once print."""

import io

import pytest
from rich.console import Console

from segcore.training.ray.console import RunsReporter

NAN = float("nan")


@pytest.mark.parametrize(
    "val_loss, val_miou, printed",
    [
        (0.5, 0.25, "loss train 1.000 val 0.500 mIoU train 0.125 val 0.250 *"),
        (NAN, 0.25, "loss train 1.000 val nan mIoU train 0.125 val 0.250 *"),
        (NAN, NAN, "loss train 1.000 mIoU train 0.125 2.0 s"),  # nothing validates: an empty cell, read again
    ],
)
def test_an_epoch_is_printed_from_its_row_in_the_table(val_loss, val_miou, printed):
    output = io.StringIO()
    reporter = RunsReporter(Console(file=output, soft_wrap=True, highlight=False))
    row = {"epoch": 0, "train_loss": 1.0, "val_loss": val_loss, "train_miou": 0.125, "val_miou": val_miou, "seconds": 2}
    reporter.row("unet", row, epochs=4, best=True, seconds=2.0, width=6)
    assert printed in " ".join(output.getvalue().split())
