"""What a leak check found: findings, each a sentence with examples, and the one line that stands beside a score."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, get_args

SCHEMA_VERSION: Final = 1
MOST_EXAMPLES = 20  # of a finding that are kept: enough to look at, and a report stays small
# A tenth of the frames known by heart moves a score by points, as much as one good model is better than another.
LEAK_SHARE = 0.1
# Under a hundredth moves it by less than its own interval; it is listed, but not said beside a score.
WARNING_SHARE = 0.01

Severity = Literal["leak", "warning", "note"]
Kind = Literal[
    "copies", "exact", "alike", "time", "close", "masks", "unlearnable", "unscored", "shares", "blank", "unreadable"
]
TITLES: Final[Mapping[str, str]] = {
    "copies": "copies of one frame",
    "exact": "the same picture",
    "time": "neighbours in time",
    "alike": "near-duplicates",
    "close": "close in time",
    "masks": "masks that disagree",
    "unlearnable": "classes never trained on",
    "unscored": "classes never scored",
    "shares": "class shares",
    "blank": "blank pictures",
    "unreadable": "can't be read",
}
LEAKS: Final = frozenset({"copies", "exact", "alike", "time", "close"})  # what lets a score measure memory
NAMES: Final[Mapping[str, str]] = {"train": "training", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class Example:
    """One sample of a finding.

    Args:
        id: The sample.
        partner: What it is like, or near to; empty where there is none.
        detail: How near or alike, for people: `0.07 s`.
    """

    id: str
    partner: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that a user should know about a split.

    Args:
        kind: What was found, a key of `TITLES`.
        severity: `leak`: scores on `split` measure memory; `warning`: they flatter, or something wants mending;
            `note`: good to know.
        split: `train`, `val` or `test`: what is affected; empty for the dataset as a whole.
        other: The split it shares something with; empty where there is none.
        count: Samples, pairs or classes affected.
        total: Of how many.
        sentence: For people.
        examples: The worst of them, at most `MOST_EXAMPLES`.
    """

    kind: Kind
    severity: Severity
    split: str
    other: str
    count: int
    total: int
    sentence: str
    examples: tuple[Example, ...] = ()

    @property
    def share(self) -> float:
        """In 0..1."""
        return self.count / max(1, self.total)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Finding:
        """What `asdict` made a dict of.

        Raises:
            KeyError, TypeError, ValueError: when it is something else.
        """
        found = cls(**{**values, "examples": tuple(Example(**each) for each in values["examples"])})
        if found.kind not in TITLES or found.severity not in get_args(Severity):
            raise ValueError(f"{found.kind} {found.severity}")
        return found


@dataclass(frozen=True)
class LeakReport:
    """All that was found about the splits of a dataset.

    Args:
        dataset: Its name.
        source: What was opened.
        fingerprint: Of the dataset, so that a stale report is never shown; empty where no file of it was read.
        split: How it was split: `own` for the dataset's own splits, else the method of a plan.
        split_fingerprint: Of the plan.
        samples: Scored frames by split.
        findings: Worst first.
        pictures: Whether pictures and masks were compared, beside ids and numbers.
        fps: Frames a second that a user gave for the frame numbers; None where only known rates were used.
        video: `Dataset.stated` when it was made, which decides what counts as a neighbour in time.
    """

    dataset: str
    source: str
    fingerprint: str
    split: str
    split_fingerprint: str
    samples: Mapping[str, int]
    findings: tuple[Finding, ...] = ()
    pictures: bool = True
    fps: float | None = None
    video: bool | None = None
    schema_version: int = field(default=SCHEMA_VERSION)

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """The findings because of which a score measures memory, or flatters."""
        return tuple(found for found in self.findings if _beside_a_score(found))

    def sentence(self, split: str) -> str | None:
        """The one line that stands beside a score on `val` or `test`; None when nothing speaks against it."""
        return sentence(self.findings, split)

    @property
    def sentences(self) -> dict[str, str]:
        """`sentence` of `val` and `test`, where there is one."""
        found = {split: self.sentence(split) for split in ("val", "test")}
        return {split: text for split, text in found.items() if text}

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; `from_dict` reads them."""
        return {**asdict(self), "samples": dict(self.samples), "sentences": self.sentences}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LeakReport:
        """What `to_dict` wrote.

        Raises:
            KeyError, TypeError, ValueError: when it is something else, or of another schema.
        """
        if values["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema_version {values['schema_version']}")
        plain = {name: value for name, value in values.items() if name != "sentences"}
        return cls(**{**plain, "findings": tuple(Finding.from_dict(each) for each in values["findings"])})


def sentence(findings: Collection[Finding], split: str) -> str | None:
    """The sentence of the worst finding that speaks against a score on `split`; None when there is none."""
    against = [found for found in findings if found.split == split and _beside_a_score(found)]
    return min(against, key=weight).sentence if against else None


def _beside_a_score(found: Finding) -> bool:
    return found.kind in LEAKS and found.severity != "note" and found.split != "train"


def weight(found: Finding) -> tuple[int, bool, float, int]:
    """Sort key: worst first; what is shared with training before what is shared with validation."""
    kinds = list(TITLES)
    return get_args(Severity).index(found.severity), found.other == "val", -found.share, kinds.index(found.kind)


def severity(count: int, total: int, other: str = "train") -> Severity:
    """How bad it is that so many frames of a split are known from another one.

    What test shares with validation only helped to choose the epoch: never worse than a warning.
    """
    share = count / max(1, total)
    if share >= LEAK_SHARE and other == "train":
        return "leak"
    return "warning" if share >= WARNING_SHARE else "note"


def portion(count: int, total: int, what: str) -> str:
    """So many of how many.

    >>> portion(9, 11, "test frames"), portion(1, 233, "test frames")
    ('82 % of test frames (9 of 11)', '0.4 % of test frames (1 of 233)')
    """
    percent = 100 * count / max(1, total)
    shown = f"{percent:.0f}" if percent >= 1 or not count else f"{percent:.1g}"
    if shown == "100" and count < total:
        shown = "99"
    return f"{shown} % of {what} ({count} of {total})"


def verdict(level: Severity, other: str) -> str:
    """What it means for a score."""
    if other == "val":
        return "the epoch was chosen on nearly these pictures"
    return {
        "leak": "this score measures memory",
        "warning": "this score is a little flattered",
        "note": "too few to matter",
    }[level]
