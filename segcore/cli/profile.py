"""`segcore profile`: measures what a run's model costs on this machine."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from segcore.cli.arguments import FAILED, Commands, add_run_arguments, parse_size, run_from

if TYPE_CHECKING:
    from segcore.runs import Profile, RunRecord

_DESCRIPTION = """\
Parameters, operations, size, and the time and memory of one image in every backend that is installed; stored in the
run's profile.json, where the compare page finds it. Times are of this machine; run nothing else on it meanwhile."""


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
        "--size", type=parse_size, metavar="HxW", help="what the model is fed (default: its input size)"
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each is timed (default: 3)")
    parser.add_argument("--json", action="store_true", help="print profile.json instead of a table")
    parser.set_defaults(run=profile_run)


def profile_run(arguments: argparse.Namespace) -> int:
    """Measure, store and print the costs; returns 2 when a backend could not be measured."""
    from rich.console import Console
    from rich.progress import Progress

    from segcore.evaluation.profile import profile
    from segcore.training.openmp import SPIN

    os.environ.setdefault(*SPIN)  # read when torch is loaded
    run, console = run_from(arguments), Console(stderr=True, highlight=False, soft_wrap=True)
    problems: list[str] = []
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(run.id, total=None)
        measured = profile(
            run,
            backends=arguments.backends,
            device=arguments.device,
            size=arguments.size,
            seconds=arguments.seconds,
            progress=lambda done, total, what: bar.update(
                task, completed=done, total=total, description=f"{run.id} {what}"
            ),
            problem=problems.append,
        )
    if arguments.json:
        print(measured.model_dump_json(indent=2))
    else:
        _print_table(run, measured)
    for problem in problems:
        console.print(f"segcore: {problem}", markup=False)
    return FAILED if problems else 0


def _print_table(run: RunRecord, profile: Profile) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    memory = "" if profile.train_peak_memory_mb is None else f" with {profile.train_peak_memory_mb / 1000:.1f} GB"
    facts = [
        "" if profile.parameters is None else f"{profile.parameters / 1e6:.2f} M parameters",
        "" if profile.macs is None else f"{profile.macs / 1e9:.2f} G MACs at {profile.height}x{profile.width}",
        f"{profile.model_mb:.1f} MB",
        "" if profile.train_minutes is None else f"trained in {profile.train_minutes:.1f} min{memory}",
    ]
    console.print(f"[bold]{escape(run.id)}[/bold] ({escape(run.title)}): {', '.join(filter(None, facts))}")
    table = Table(padding=(0, 0, 0, 1), box=None)
    table.add_column("backend", no_wrap=True)
    table.add_column("fed", no_wrap=True)
    for name in ("median ms", "p95 ms", "with mask ms", "images/s", "peak MB", "busy cores"):
        table.add_column(name, justify="right")
    machines = dict.fromkeys(latency.machine for latency in profile.latencies)
    for machine in machines:
        if len(machines) > 1:
            table.add_row(f"[dim]{escape(machine)}[/dim]")
        for latency in (entry for entry in profile.latencies if entry.machine == machine):
            table.add_row(
                latency.name,
                f"{latency.height}x{latency.width}",
                f"{latency.median_ms:.1f}",
                f"{latency.p95_ms:.1f}",
                "–" if latency.image_ms is None else f"{latency.image_ms:.1f}",
                f"{1000 / latency.median_ms:.0f}",
                "–" if latency.peak_memory_mb is None else f"{latency.peak_memory_mb:.0f}",
                "–" if latency.load is None else f"{latency.load:.1f}{' !' if latency.busy else ''}",
            )
    console.print(table)
    console.print(
        f"One image at a time on {escape('; '.join(machines))}. Stored in {escape(str(run.path))}/profile.json."
    )
    if any(latency.busy for latency in profile.latencies):
        console.print("! Other programs were using the machine, so these times are too long; measure again when quiet.")
