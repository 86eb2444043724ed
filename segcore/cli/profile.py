"""`segcore profile`: measures what a run's model costs on this machine."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from segcore.cli.arguments import FAILED, Commands, add_run_arguments, parse_size, run_from
from segcore.durations import duration
from segcore.errors import number
from segcore.terminal import print_text

if TYPE_CHECKING:
    from rich.console import Console

    from segcore.runs import Latency, Profile, RunRecord

_DESCRIPTION = """\
Frames a second from a picture to its mask, by backend and size of the picture; the time of the model alone, its memory,
parameters, operations and size. Stored in the run's profile.json, where the compare page and segcore leaderboard
--min-fps find it. Times are of this machine; run nothing else on it meanwhile."""
_START = 6.0  # seconds in which a process starts and loads a model


def add_profile(commands: Commands) -> None:
    """Add the command `segcore profile`."""
    parser = commands.add_parser("profile", help="measure what a run costs on this machine", description=_DESCRIPTION)
    add_run_arguments(parser)
    parser.add_argument(
        "--backends",
        nargs="+",
        default=[],
        metavar="NAME",
        help="torch, openvino, onnxruntime, or with a precision as openvino:bf16 (default: all that are installed)",
    )
    parser.add_argument(
        "--pictures",
        type=parse_size,
        nargs="+",
        metavar="HxW",
        help="sizes of the pictures that are predicted (default: 480x640 720x1280)",
    )
    parser.add_argument(
        "--size", type=parse_size, metavar="HxW", help="what the model is fed (default: its input size)"
    )
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="how long the model alone is timed in each backend (default: 1)"
    )
    parser.add_argument("--json", action="store_true", help="print profile.json instead of a table")
    parser.set_defaults(run=profile_run)


def profile_run(arguments: argparse.Namespace) -> int:
    """Measure, store and print the costs; returns 2 when a backend could not be measured."""
    from rich.progress import Progress

    from segcore.evaluation.profile import PICTURES, profile
    from segcore.text_console import TextConsole
    from segcore.training.openmp import SPIN

    os.environ.setdefault(*SPIN)  # read when torch is loaded
    run, console = run_from(arguments), TextConsole(stderr=True, highlight=False, soft_wrap=True)
    pictures = arguments.pictures or PICTURES
    each_way = _START + arguments.seconds * (1 + (1 + len(pictures)) / 2)
    problems: list[str] = []
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(run.id, total=None)

        def progress(done: int, total: int, what: str) -> None:
            if not done:
                long = duration(total * each_way)
                console.print(
                    f"{number(total, 'way')} to run it: about {long}; longer where a model is "
                    "converted first, or other programs run."
                )
            bar.update(task, completed=done, total=total, description=f"{run.id} {what}")

        measured = profile(
            run,
            backends=arguments.backends,
            device=arguments.device,
            size=arguments.size,
            pictures=pictures,
            seconds=arguments.seconds,
            progress=progress,
            problem=problems.append,
        )
    if arguments.json:
        print_text(measured.model_dump_json(indent=2))
    else:
        _print_tables(run, measured)
    for problem in problems:
        console.print(f"segcore: {problem}", markup=False)
    return FAILED if problems else 0


def _print_tables(run: RunRecord, profile: Profile) -> None:
    from rich.markup import escape

    from segcore.text_console import TextConsole

    console = TextConsole(highlight=False, soft_wrap=True)
    memory = "" if profile.train_peak_memory_mb is None else f" with {profile.train_peak_memory_mb / 1000:.1f} GB"
    facts = [
        "" if profile.parameters is None else f"{profile.parameters / 1e6:.2f} M parameters",
        "" if profile.macs is None else f"{profile.macs / 1e9:.2f} G MACs at {profile.height}x{profile.width}",
        f"{profile.model_mb:.1f} MB",
        "" if profile.train_minutes is None else f"trained in {profile.train_minutes:.1f} min{memory}",
    ]
    console.print(f"[bold]{escape(run.id)}[/bold] ({escape(run.title)}): {', '.join(filter(None, facts))}")
    for machine in dict.fromkeys(latency.machine for latency in profile.latencies):
        console.print(f"\n{escape(machine)}, one picture at a time")
        _print_machine(console, [latency for latency in profile.latencies if latency.machine == machine])
    console.print(f"\nStored in {escape(str(run.path))}/profile.json.")


def _print_machine(console: Console, latencies: Sequence[Latency]) -> None:
    """Frames a second and times of one machine, the fastest way, and how steady the machine was."""
    from rich.table import Table

    from segcore.text_console import print_table

    sizes = sorted({size for latency in latencies for size in latency.picture_sizes})
    table = Table(padding=(0, 0, 0, 1), box=None)
    table.add_column("backend", no_wrap=True)
    for height, width in sizes:
        table.add_column(f"{height}x{width} frames/s", justify="right")
    table.add_column("fed", no_wrap=True)
    for name in ("model ms", "p95 ms", "peak MB", "spread", "busy cores"):
        table.add_column(name, justify="right")
    for latency in latencies:
        rates = [latency.picture_ms(size) for size in sizes]
        table.add_row(
            latency.name,
            *("–" if milliseconds is None else f"{1000 / milliseconds:.1f}" for milliseconds in rates),
            f"{latency.height}x{latency.width}",
            f"{latency.median_ms:.1f}",
            f"{latency.p95_ms:.1f}",
            "–" if latency.peak_memory_mb is None else f"{latency.peak_memory_mb:.0f}",
            "–" if latency.spread is None else f"{100 * latency.spread:.0f} %{'' if latency.spread_is_small else ' !'}",
            "–" if latency.load is None else f"{latency.load:.1f}{' !' if latency.busy else ''}",
        )
    print_table(console, table)
    for size in sizes:
        timed = [(milliseconds, latency) for latency in latencies if (milliseconds := latency.picture_ms(size))]
        milliseconds, best = min(timed, key=lambda pair: pair[0])
        fed = f", fed {best.height}x{best.width}" if len({(one.height, one.width) for one in latencies}) > 1 else ""
        rate = f"{1000 / milliseconds:.1f} frames/s"
        console.print(f"{size[0]}x{size[1]}: {rate} from picture to mask with {best.name}{fed}.")
    console.print(_steadiness(latencies))


def _steadiness(latencies: Sequence[Latency]) -> str:
    """How far the times can be trusted, as a sentence."""
    unsteady = ", ".join(dict.fromkeys(latency.name for latency in latencies if not latency.steady))
    if unsteady:
        return (
            f"! Not steady ({unsteady}): times varied, or other programs were using the machine, so these times are "
            "too long; measure again when quiet."
        )
    spreads = [latency.spread for latency in latencies if latency.spread is not None]
    within = f": the middle half of the times lies within {100 * max(spreads):.0f} %" if spreads else ""
    return f"The machine was steady{within}; no other program took much of it."
