"""How the device is doing, in one place: what the workspace hears at each sync and ``edge-annotator status`` prints."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlcore.edge.agent.versions import State, Version

# Seconds between two tellings of a download's progress.
_PROGRESS_EVERY = 1.0


class Status:
    """Set by the threads of the agent; ``changed`` is called, in their thread, when there is something to tell.

    ``say`` gets a sentence when the workspace comes, goes, or shuts the device out.
    """

    def __init__(
        self, path: Path, changed: Callable[[], None] = lambda: None, say: Callable[[str], None] = lambda text: None
    ) -> None:
        self.changed = changed
        self._say = say
        self._saving = threading.Lock()
        self._path = path
        self._turn = threading.Lock()
        self._step = ""
        self._why = ""
        self._refusal = ""
        self._trouble = ""
        self._notes: dict[str, str] = {}
        self._address = ""
        self._progress: tuple[int, int] | None = None
        self._told = 0.0
        self._measured: dict[str, Any] | None = None
        self._link: dict[str, Any] = {"online": False, "revoked": False, "why": "not asked yet", "at": None}

    def step(self, name: str, why: str = "") -> None:
        """An order is being carried out: downloading, verifying, trying; an empty name when it is over."""
        with self._turn:
            self._step, self._why, self._progress = name, why, None
        self.changed()

    def progress(self, done: int, total: int, why: str = "") -> None:
        """So many bytes have arrived; ``why`` tells what keeps the rest."""
        with self._turn:
            self._progress = (done, total)
            now = time.monotonic()
            quiet = why == self._why and done < total and now - self._told < _PROGRESS_EVERY
            self._why = why
            if not quiet:
                self._told = now
        if not quiet:
            self.changed()

    def measured(self, values: Mapping[str, Any] | None) -> None:
        """What the last trial measured."""
        with self._turn:
            self._measured = dict(values) if values else None

    def refused(self, why: str) -> None:
        """The newest order is not taken, for this reason; empty when there is none such."""
        with self._turn:
            same, self._refusal = self._refusal == why, why
        if not same:
            self.changed()

    def trouble(self, why: str) -> None:
        """Something at the device needs a person, whatever was ordered; empty when it is mended."""
        with self._turn:
            same, self._trouble = self._trouble == why, why
        if not same:
            self.changed()

    def note(self, topic: str, why: str) -> None:
        """Something that a person should know, although it hinders no model; empty when it is over."""
        with self._turn:
            same = self._notes.get(topic, "") == why
            self._notes[topic] = why
        if not same:
            self.changed()

    def address(self, address: str) -> None:
        """Where pictures are answered over HTTP."""
        with self._turn:
            self._address = address

    def heard(self, *, online: bool, revoked: bool = False, why: str = "") -> None:
        """What the last sync came to."""
        link = {"online": online, "revoked": revoked, "why": why}
        with self._turn:
            same = all(self._link[name] == value for name, value in link.items())
            self._link = {**link, "at": time.time()}
        if not same:
            self._say(why if why else "the workspace answers")

    def report(self, state: State) -> dict[str, Any]:
        """The part of a sync's body that tells of versions and orders."""
        with self._turn:
            name, why = self._tell(state)
            progress = {"done": self._progress[0], "total": self._progress[1]} if self._progress else None
            return {
                "state": name,
                "why": why,
                "order": state.serial or None,
                "running": _row(state.running),
                "previous": state.previous.number if state.previous else None,
                "progress": progress,
                "measured": self._measured,
            }

    def save(self, state: State) -> None:
        """Write the status for whoever looks from outside; a full disk is no reason to stop."""
        row = {**self.report(state), "workspace": self._link, "address": self._address, "written": time.time()}
        half = self._path.with_name(f".{self._path.name}.half")
        with self._saving, contextlib.suppress(OSError):
            half.write_text(json.dumps(row, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
            half.replace(self._path)

    def _tell(self, state: State) -> tuple[str, str]:
        if self._step:
            return self._step, self._why
        if self._refusal or self._trouble:
            return "failed", self._refusal or self._trouble
        if state.outcome == "failed":
            return "failed", state.why
        notes = [why for why in (state.why, *self._notes.values()) if why]
        return ("running" if state.running else "enrolled"), " ".join(notes)


def _row(version: Version | None) -> dict[str, Any] | None:
    if version is None:
        return None
    return {
        "bundle": version.number,
        "number": version.number,
        "sha256": version.sha256,
        "precision": version.precision,
        "device": version.on,
    }
