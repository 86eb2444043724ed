"""Draws random datasets and counts how they open. Run: python tools/fuzz_datasets.py --examples 5000 --seed 1.

A dataset that opens otherwise than it was meant, or raises anything but a `SegcoreError`, is printed, and the exit code
is 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fixtures.random_data.datasets import datasets
from fixtures.random_data.drafts import Draft
from fixtures.random_data.verdict import UNKNOWABLE, readable, verdict

SHOWN = 20  # wrong datasets that are printed


def fuzz(examples: int, start: int) -> tuple[Counter[tuple[str, str]], list[str], list[tuple[str, str]]]:
    """(how many datasets of each layout met which end, those that are wrong, layouts and messages of refusals)."""
    counts: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    refusals: list[tuple[str, str]] = []

    @seed(start)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(draft=datasets())
    def draw(draft: Draft) -> None:
        with tempfile.TemporaryDirectory() as folder:
            try:
                end, message = verdict(draft, Path(folder))
            except Exception:
                end, message = "wrong", traceback.format_exc(limit=-3)
                wrong.append(f"{message}{draft}")
        counts[draft.layout, end] += 1
        end += " though readable" if end.startswith("refused") and readable(draft) else ""
        refusals.append((end, f"{draft.layout}: {'; '.join(draft.story)}: {message.replace(folder, '')}"))

    draw()
    return counts, wrong, refusals


def table(counts: Counter[tuple[str, str]]) -> str:
    """Layouts as rows, ends as columns, in Markdown."""
    ends = ["right", "refused when opened", "refused when read", "unknowable", "wrong"]
    rows = [f"| layout | {' | '.join(ends)} |", "|---|" + "---:|" * len(ends)]
    layouts = sorted({layout for layout, _ in counts})
    rows += [f"| {layout} | {' | '.join(str(counts[layout, end]) for end in ends)} |" for layout in layouts]
    totals = [sum(count for (_, end), count in counts.items() if end == wanted) for wanted in ends]
    return "\n".join([*rows, f"| all | {' | '.join(map(str, totals))} |"])


def main() -> int:
    """Fuzz as the command line says; 1 where a dataset is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--messages", action="store_true", help="print what became of every dataset")
    args = parser.parse_args()
    before = time.time()
    counts, wrong, refusals = fuzz(args.examples, args.seed)
    for text in wrong[:SHOWN]:
        print(f"{text}\n{'-' * 80}")
    if args.messages:
        print("\n".join(f"{end}: {message}" for end, message in refusals))
    reasons = Counter(message.partition(": ")[2].partition(": ")[2] for end, message in refusals if end == UNKNOWABLE)
    print("\n".join(f"unknowable {count}: {reason}" for reason, count in reasons.most_common()))
    print(f"{table(counts)}\n\n{sum(counts.values())} datasets, seed {args.seed}, {time.time() - before:.0f} s.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
