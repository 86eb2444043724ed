"""`segcore predict`: write masks and overlays of a user's images."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segcore.cli.arguments import Commands, add_backend_arguments, add_run_arguments, predictor_options, run_from
from segcore.errors import DatasetError, nearest, number
from segcore.paths import path_text

if TYPE_CHECKING:
    from segcore.runs import RunRecord


def add_predict(commands: Commands) -> None:
    """Add the command `segcore predict`."""
    parser = commands.add_parser("predict", help="predict your own images")
    add_run_arguments(parser)
    parser.add_argument(
        "images", type=path_text, nargs="+", metavar="IMAGE", help="PNG, JPEG, ... of any size, or a folder of them"
    )
    parser.add_argument("--out", type=path_text, required=True, metavar="DIR", help="folder for the masks and overlays")
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
    parser.set_defaults(run=predict_images)


def predict_images(arguments: argparse.Namespace) -> int:
    """Write `NAME-mask.png` (a palette PNG of class ids) and `NAME-overlay.jpg` for each image; see `output_names`."""
    from segcore.data import decode_image
    from segcore.evaluation import Ensemble, open_predictor
    from segcore.runs import find_run
    from segcore.runs.run_files import replacing
    from segcore.visual.image_encoding import encode_jpeg, encode_png
    from segcore.visual.overlay import overlay

    paths = image_files(arguments.images)
    run = run_from(arguments)
    others = [find_run(wanted, arguments.runs) for wanted in arguments.others]
    options = predictor_options(arguments)
    predict = Ensemble([run, *others], **options) if others else open_predictor(run, **options)
    out = Path(arguments.out)
    for path, name in zip(paths, output_names(paths), strict=True):
        mask, blended = out / f"{name}-mask.png", out / f"{name}-overlay.jpg"
        image = decode_image(_read_bytes(path), str(path))
        prediction = predict(image)
        try:
            with replacing(mask) as file:
                file.write_bytes(encode_png(prediction.mask, run.labels.palette))
            with replacing(blended) as file:
                file.write_bytes(encode_jpeg(overlay(image, prediction.mask, run.labels)))
        except OSError as error:
            raise DatasetError(f"{error.filename}: {error.strerror}. Check --out.") from None
        print(f"{mask}  {blended}  mean confidence {prediction.confidence.mean():.3f}")
    runs = [run, *others] if others else run.members or [run]
    how = predict.stored_as("").description
    print(", ".join(filter(None, (f"{number(len(paths), 'image')}: {_averaged(runs)}", how))))
    for note in predict.notes:
        print(f"segcore: {note}", file=sys.stderr)
    return 0


def image_files(given: Sequence[str]) -> list[Path]:
    """The images at these paths, each once: files, and all images below folders.

    Raises:
        DatasetError: when a path is missing (the file of the most similar name is named), or a folder has no images.
    """
    from segcore.data.file_source import list_files
    from segcore.data.formats.pairing import images_in

    paths: list[Path] = []
    for path in map(Path, given):
        if path.is_dir():
            images = images_in(list_files(path))
            if not images:
                raise DatasetError(f"{path}: a folder without images. Give one that holds PNG, JPEG, TIFF or the like.")
            paths += [path / name for name in images]
        elif path.is_file():
            paths.append(path)
        else:
            names = [file.name for file in path.parent.iterdir() if file.is_file()] if path.parent.is_dir() else []
            raise DatasetError(f"{path}: there is no such image.{nearest(path.name, names)}")
    return list({path.absolute(): path for path in paths}.values())


def output_names(paths: Sequence[Path]) -> list[str]:
    """A name for what is written of each image: its stem, or, where two share one, more of its path.

    >>> output_names([Path("a/x.png"), Path("a/y.jpg")]), output_names([Path("a/x.png"), Path("a/x.jpg")])
    (['x', 'y'], ['x.png', 'x.jpg'])
    >>> output_names([Path("a/x.png"), Path("b/x.png")])
    ['a/x.png', 'b/x.png']
    """
    stems, names = [path.stem for path in paths], [path.name for path in paths]
    for candidates in (stems, names):
        if len({name.casefold() for name in candidates}) == len(paths):  # some disks don't tell a.png from A.png
            return candidates
    folder = os.path.commonpath([path.absolute().parent for path in paths])
    return [os.path.relpath(path, folder) for path in paths]


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: the image can't be read ({error.strerror or error}).") from None


def _averaged(runs: Sequence[RunRecord]) -> str:
    """The models' names, e.g. `U-Net and FCN-8s averaged`."""
    names = [run.title for run in runs]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} averaged"
