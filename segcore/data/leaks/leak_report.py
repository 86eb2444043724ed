"""The report of a leak check: findings, each a sentence with examples, and the one line shown beside a score."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, get_args

SCHEMA_VERSION: Final = 1
MOST_EXAMPLES = 20  # examples kept of a finding: enough to look at, and a report stays small
# Knowing a tenth of the frames by heart moves a score by points, as much as one good model is better than another.
LEAK_SHARE = 0.1
# Knowing less than a hundredth moves it by less than its own interval: listed, but not shown beside a score.
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
        partner: The sample it is like, or near to; empty where there is none.
        detail: How near or alike they are, for people: `0.07 s`.
    """

    id: str
    partner: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that a user should know about a split.

    Args:
        kind: A key of `TITLES`.
        severity: `leak`: scores on `split` measure memory; `warning`: they flatter, or something wants mending;
            `note`: good to know.
        split: The affected split: `train`, `val` or `test`; empty for the dataset as a whole.
        other: The split it shares something with; empty where there is none.
        count: Samples, pairs or classes affected.
        total: Samples, pairs or classes that were looked at.
        sentence: The finding in words.
        examples: The worst cases, at most `MOST_EXAMPLES`.
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
        """`count` of `total`, in 0..1."""
        return self.count / max(1, self.total)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Finding:
        """The finding that `asdict` turned into a dict.

        Raises:
            KeyError, TypeError, ValueError: when it is something else.
        """
        finding = cls(**{**values, "examples": tuple(Example(**example) for example in values["examples"])})
        if finding.kind not in TITLES or finding.severity not in get_args(Severity):
            raise ValueError(f"{finding.kind} {finding.severity}")
        return finding


@dataclass(frozen=True)
class LeakReport:
    """All findings about the splits of a dataset.

    Args:
        dataset: The dataset's name.
        source: Its path, or `drive`.
        fingerprint: The dataset's, so that a stale report is never shown; empty where none of its files was read.
        split: `own` for the dataset's own splits, else the method of the plan.
        split_fingerprint: The plan's.
        samples: Number of scored frames by split.
        findings: The worst first.
        pictures: Whether images and masks were compared, besides ids and frame numbers.
        fps: Frames a second that a user gave for the frame numbers; None where only known rates were used.
        video: `Dataset.stated` at the time of the check; it decides what counts as a neighbour in time.
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
        """The findings that are shown beside a score: it measures memory, or is too good."""
        return tuple(finding for finding in self.findings if _beside_a_score(finding))

    def sentence(self, split: str) -> str | None:
        """The one line that stands beside a score on `val` or `test`; None when nothing speaks against it."""
        return sentence(self.findings, split)

    @property
    def sentences(self) -> dict[str, str]:
        """`sentence` of `val` and `test`, where there is one."""
        return {split: text for split in ("val", "test") if (text := self.sentence(split))}

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; `from_dict` reads them."""
        return {**asdict(self), "samples": dict(self.samples), "sentences": self.sentences}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LeakReport:
        """The report that `to_dict` turned into plain values.

        Raises:
            KeyError, TypeError, ValueError: when it is something else, or of another schema.
        """
        if values["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema_version {values['schema_version']}")
        plain = {name: value for name, value in values.items() if name != "sentences"}
        return cls(**{**plain, "findings": tuple(Finding.from_dict(finding) for finding in values["findings"])})


def sentence(findings: Collection[Finding], split: str) -> str | None:
    """The sentence of the worst finding that speaks against a score on `split`; None when there is none."""
    against = [finding for finding in findings if finding.split == split and _beside_a_score(finding)]
    return min(against, key=weight).sentence if against else None


def _beside_a_score(finding: Finding) -> bool:
    return finding.kind in LEAKS and finding.severity != "note" and finding.split != "train"


def weight(finding: Finding) -> tuple[int, bool, float, int]:
    """Sort key: the worst first; what is shared with training before what is shared with validation."""
    rank, kind = get_args(Severity).index(finding.severity), list(TITLES).index(finding.kind)
    return rank, finding.other == "val", -finding.share, kind


def severity(count: int, total: int, other: str = "train") -> Severity:
    """How bad it is that `count` of `total` frames of a split are known from another one.

    Frames that test shares with validation only helped to choose the epoch: they are never worse than a warning.
    """
    share = count / max(1, total)
    if share >= LEAK_SHARE and other == "train":
        return "leak"
    return "warning" if share >= WARNING_SHARE else "note"


def portion(count: int, total: int, what: str) -> str:
    """A share in words.

    >>> portion(9, 11, "test frames"), portion(1, 233, "test frames")
    ('82 % of test frames (9 of 11)', '0.4 % of test frames (1 of 233)')
    """
    percent = 100 * count / max(1, total)
    shown = f"{percent:.0f}" if percent >= 1 or not count else f"{percent:.1g}"
    if shown == "100" and count < total:
        shown = "99"
    return f"{shown} % of {what} ({count} of {total})"


def verdict(level: Severity, other: str) -> str:
    """The consequence for a score, in words."""
    if other == "val":
        return "the epoch was chosen on nearly these pictures"
    return {
        "leak": "this score measures memory",
        "warning": "this score is a little flattered",
        "note": "too few to matter",
    }[level]
