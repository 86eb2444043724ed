"""Runs: the only reader and writer of `checkpoints/`. Needs neither torch nor lightning."""

from __future__ import annotations

from segcore.runs.evaluation import Evaluation
from segcore.runs.parquet_tables import CalibrationCounts
from segcore.runs.profile import Latency, Profile, write_profile
from segcore.runs.run_record import HISTORY_COLUMNS, RunRecord, load_run
from segcore.runs.run_store import RunProblem, RunStore, find_run
from segcore.runs.run_writer import RunWriter
from segcore.runs.summary import SCHEMA_VERSION, DatasetInfo, InputInfo, Member, ScoreInfo, Status, Summary, void_ids

__all__ = [
    "HISTORY_COLUMNS", "SCHEMA_VERSION", "CalibrationCounts", "DatasetInfo", "Evaluation", "InputInfo", "Latency",
    "Member", "Profile", "RunProblem", "RunRecord", "RunStore", "RunWriter", "ScoreInfo", "Status", "Summary",
    "find_run", "load_run", "void_ids", "write_profile",
]  # fmt: skip
