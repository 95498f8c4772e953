"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """`note` is worth knowing and nothing is broken; `problem` keeps something from working. Both say how to mend it."""

    name: str
    state: State
    detail: str
    mend: str = ""


def ok(name: str, detail: str) -> Finding:
    """Nothing to do."""
    return Finding(name, "ok", detail)


def note(name: str, detail: str, mend: str) -> Finding:
    """It works, and could be better."""
    return Finding(name, "note", detail, mend)


def problem(name: str, detail: str, mend: str) -> Finding:
    """It keeps something from working."""
    return Finding(name, "problem", detail, mend)
