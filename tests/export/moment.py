"""Exports that are timed for a moment only: what is right about them does not depend on how fast they are."""

from __future__ import annotations

import functools

import pytest

from mlcore import export, measure


def time_for_a_moment(patch: pytest.MonkeyPatch) -> None:
    """Take the times of one answer each, and make memory up."""
    patch.setattr(export, "measure_speeds", functools.partial(measure.measure_speeds, rounds=1, seconds=0.01))
    patch.setattr(export, "measure_memory", lambda irs: dict.fromkeys(irs, 50_000_000))
