"""`segcore predict`: write masks and overlays of a user's images and videos."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from segcore.cli.arguments import (
    FAILED,
    INTERRUPTED,
    Commands,
    add_backend_arguments,
    add_run_arguments,
    predictor_options,
    run_from,
)
from segcore.durations import duration
from segcore.errors import DatasetError, enumerated, number, plain
from segcore.paths import path_text
from segcore.terminal import print_text

if TYPE_CHECKING:
    from segcore.arrays import U8Image
    from segcore.cli.prediction_files import PredictionFolder, Source
    from segcore.evaluation import Ensemble, Predictor
    from segcore.evaluation.postprocess import Prediction
    from segcore.runs import RunRecord
    from segcore.training.signals import StopRequest

_DESCRIPTION = """\
Of an image NAME it writes NAME-mask.png (class ids with their colours) and NAME-overlay.jpg, of a video
NAME-overlay.mp4. Ctrl-C stops it, and the same command goes on from there: what is there already, of the same models,
options and files, is not predicted again."""
_WRITTEN = ("masks", "overlays", "video")


def add_predict(commands: Commands) -> None:
    """Add the command `segcore predict`."""
    parser = commands.add_parser("predict", help="predict your own images and videos", description=_DESCRIPTION)
    add_run_arguments(parser)
    parser.add_argument(
        "inputs",
        type=path_text,
        nargs="+",
        metavar="FILE",
        help="an image or video of any size, a folder of them, or a pattern such as 'day/**/*.png'",
    )
    parser.add_argument("--out", type=path_text, required=True, metavar="DIR", help="folder for what is written")
    parser.add_argument(
        "--write",
        nargs="+",
        choices=_WRITTEN,
        metavar="WHAT",
        help="masks and overlays of images and single frames; video: an overlay video of a video, or of all images in "
        "their order (default: masks overlays of images, video of videos)",
    )
    parser.add_argument("--fps", type=float, metavar="N", help="frames a second of a video of images (default: 25)")
    parser.add_argument("--again", action="store_true", help="predict also what is there already")
    parser.add_argument(
        "--with",
        type=path_text,
        dest="others",
        action="append",
        default=[],
        metavar="RUN",
        help="another run of the same classes: the mean of their softmax decides; may be given again",
    )
    add_backend_arguments(parser)
    parser.set_defaults(run=predict_files)


def predict_files(arguments: argparse.Namespace) -> int:
    """Predict images and videos; returns 2 when some could not be read, and 130 when it was stopped."""
    from segcore.cli.prediction_files import PredictionFolder, folders_of_predictions, sources_of
    from segcore.data.input_files import input_files
    from segcore.evaluation import Ensemble, open_predictor
    from segcore.runs import find_run
    from segcore.training.signals import StopRequest

    if arguments.fps is not None and not 0 < arguments.fps <= 1000:
        raise DatasetError(f"--fps is {arguments.fps:g}; expected frames a second, above 0 and at most 1000.")
    files = input_files(arguments.inputs)
    run = run_from(arguments)
    others = [find_run(wanted, arguments.runs) for wanted in arguments.others]
    options = predictor_options(arguments)
    predict = Ensemble([run, *others], **options) if others else open_predictor(run, **options)
    runs = [run, *others] if others else list(run.members) or [run]
    folder = PredictionFolder(Path(arguments.out), _made_by(runs, predict), predict.labels)
    named = {Path(given).absolute() for given in arguments.inputs}
    unwritten = files
    for place in folders_of_predictions(files):  # of this and of earlier calls with another --out
        unwritten = PredictionFolder(place, "", predict.labels).others(unwritten)
    wanted = {*folder.others(unwritten), *(file for file in files if file.absolute() in named)}
    if len(wanted) < len(files):
        left = number(len(files) - len(wanted), "file")
        print_text(f"segcore: left out {left} that earlier calls wrote", file=sys.stderr)
    sources = sources_of([file for file in files if file in wanted], arguments.write, arguments.fps or 25.0)
    if arguments.fps is not None and all(source.rate is None for source in sources):
        raise DatasetError(
            "--fps is the rate of a video of images, and none is written. Give images and --write video."
        )
    todo = [source for source in sources if arguments.again or not folder.has(source)]
    with StopRequest().listening() as stop:
        work = _Work(folder, predict, stop)
        try:
            folder.claim(todo)
            work.images([source for source in todo if not source.moving])
            for source in todo:
                if source.moving and not stop.requested:
                    work.video(source, again=arguments.again)
        except OSError as error:
            raise DatasetError(f"{plain(error)} Check --out.") from None
    before = [f"{len(sources) - len(todo)} there before"] if len(todo) < len(sources) else []
    what = ", ".join([work.summary() if todo else "nothing new", *before])
    print_text(", ".join(filter(None, (f"{what}: {_averaged(runs)}", predict.stored_as("").description))))
    for note in (*work.notes, *predict.notes):
        print_text(f"segcore: {note}", file=sys.stderr)
    if stop.requested:
        print_text("segcore: stopped; the same command goes on from there", file=sys.stderr)
        return INTERRUPTED
    return FAILED if work.failed else 0


@dataclass
class _Work:
    """The images and videos of one call, and what came of them."""

    folder: PredictionFolder
    predict: Predictor | Ensemble
    stop: StopRequest
    done: Counter[str] = field(default_factory=Counter)  # by `image`, `video`, `frame`
    seconds: float = 0.0
    failed: int = 0
    notes: list[str] = field(default_factory=list)

    def images(self, sources: Sequence[Source]) -> None:
        """Predict images one by one; one that can't be read is named, and the others are still predicted."""
        from segcore.cli.progress import counted
        from segcore.data.background import WriteBehind, overlapped, read_ahead

        start = time.perf_counter()
        with counted("images", len(sources), "images") as advance, WriteBehind() as later:
            for result in overlapped(self._predicted, read_ahead(_decoded(sources))):
                if isinstance(result, DatasetError):
                    self._fail(result)
                else:
                    later(result)
                    self.done["image"] += 1
                advance()
                if self.stop.requested:
                    break
        self.seconds += time.perf_counter() - start

    def _predicted(self, decoded: tuple[Source, U8Image | DatasetError]) -> Callable[[], None] | DatasetError:
        """Predict an image; returns what writes its files, or why the image can't be read."""
        source, image = decoded
        return image if isinstance(image, DatasetError) else partial(self._write, source, image, self.predict(image))

    def video(self, source: Source, *, again: bool) -> None:
        """Predict a video; one that can't be read is named."""
        from segcore.cli.progress import counted

        try:
            video = source.open()
            if again:
                self.folder.forget(source)
            known, start = self.folder.frames_done(source), time.perf_counter()
            if known:
                self.notes.append(f"{source.name}: went on after {number(known, 'frame')} of an earlier call")
            with counted(source.paths[0].name, video.stated or None, "frames") as advance:

                def progress() -> bool:
                    advance()
                    return not self.stop.requested

                made = self.folder.write_video(source, video, self.predict.mask, progress)
        except DatasetError as error:
            self._fail(error)
            return
        self.done["frame"] += made.frames - known
        self.seconds += time.perf_counter() - start
        self.notes += made.notes
        if made.files:
            self.done["video"] += 1
            print_text("  ".join(map(str, made.files)))

    def summary(self) -> str:
        """`2 images and 1 video in 1 min 15 s, 24.1 frames/s`; of a video that was stopped alone, its frames."""
        predicted = self.done["image"] + self.done["frame"]
        nouns = [noun for noun in ("image", "video") if self.done[noun]] or ["frame" if predicted else "image"]
        what = " and ".join(number(self.done[noun], noun) for noun in nouns)
        if not predicted:
            return what
        unit = "frames" if self.done["frame"] else "images"
        return f"{what} in {duration(self.seconds)}, {predicted / self.seconds:.1f} {unit}/s"

    def _write(self, source: Source, image: U8Image, prediction: Prediction) -> None:
        files = "  ".join(map(str, self.folder.write_image(source, image, prediction.mask)))
        confidence = "" if self.predict.ids_only else f"  mean confidence {prediction.confidence.mean():.3f}"
        print_text(f"{files}{confidence}")

    def _fail(self, error: DatasetError) -> None:
        self.failed += 1
        print_text(f"segcore: {error}", file=sys.stderr)


def _decoded(sources: Sequence[Source]) -> Iterator[tuple[Source, U8Image | DatasetError]]:
    """Each image, or why it can't be read."""
    from segcore.data import decode_image
    from segcore.data.image_depth import depth_of_files
    from segcore.data.image_sequence import read_image_file

    depth = depth_of_files([source.paths[0] for source in sources])
    for source in sources:
        path = source.paths[0]
        try:
            yield source, decode_image(read_image_file(path), str(path), depth)
        except DatasetError as error:
            yield source, error


def _made_by(runs: Sequence[RunRecord], predict: Predictor | Ensemble) -> str:
    """The models and how they predict, in words that change when a prediction may."""
    models = [
        f"{run.id} of {run.summary.created}, {run.summary.epochs} epochs, best {run.summary.best_epoch}" for run in runs
    ]
    return "; ".join([*models, str(predict.stored_as("prediction"))])


def _averaged(runs: Sequence[RunRecord]) -> str:
    """The models' names, e.g. `U-Net and FCN-8s averaged`."""
    names = [run.title for run in runs]
    return enumerated(names) + (" averaged" if len(names) > 1 else "")
