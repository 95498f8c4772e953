"""Exports that are timed for a moment only: what is right about them does not depend on how fast they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from mlcore import export, measure
from mlcore.edge.preprocess import Pixels


def time_for_a_moment(patch: pytest.MonkeyPatch) -> None:
    """Take the times of one answer each, and make memory up."""
    patch.setattr(export, "measure_speeds", _equally_quick)
    patch.setattr(export, "measure_memory", lambda irs: dict.fromkeys(irs, 50_000_000))


def _equally_quick(runners: Mapping[str, measure.Runner], pictures: Sequence[Pixels]) -> dict[str, measure.Speed]:
    """Which one is recommended must not hang on what else the machine does in that moment."""
    speeds = measure.measure_speeds(runners, pictures, rounds=1, seconds=0.01)
    quickest = min(speed.latency_p50_ms for speed in speeds.values())
    return {precision: replace(speed, latency_p50_ms=quickest) for precision, speed in speeds.items()}
