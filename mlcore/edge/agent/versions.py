"""Which versions lie on the device, which one runs, and what was said of the last order: state.json and bundles/."""

import shutil
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mlcore.edge.agent.durable import read_json, sync_folder, write_json
from mlcore.edge.agent.home import Home
from mlcore.edge.agent.orders import Order

# Of the zip's SHA-256, what a bundle's folder is called by.
_NAME_DIGITS = 16

HALF = ".half"


class StateProblem(Exception):
    """state.json cannot be used; the message is a sentence with the mend."""


@dataclass(frozen=True)
class Version:
    """A bundle that proved itself here: the zip's SHA-256, its number in the project, and how it runs.

    ``version`` is the model's, ``precision`` and ``on`` (CPU, GPU, NPU) are what answers, ``device`` is the name under which
    this device was enrolled when it was ordered: numbers of two projects cannot be compared.
    """

    sha256: str
    number: int
    version: int | None = None
    precision: str = ""
    on: str = ""
    device: str = ""


@dataclass(frozen=True)
class State:
    """What must outlive a power cut.

    ``order`` is the last one taken, and ``outcome`` what became of it: pending, done, failed or undone (``why`` tells).
    ``attempts`` counts trials of it that were begun and not ended. ``starts`` is None unless the running version is in its
    first minute; then it counts how often the agent was started within it.
    """

    order: Order | None = None
    outcome: str = "done"
    why: str = ""
    attempts: int = 0
    running: Version | None = None
    previous: Version | None = None
    starts: int | None = None

    @property
    def serial(self) -> int:
        """The serial of the last order taken, 0 before the first."""
        return self.order.serial if self.order else 0

    @property
    def pending(self) -> Order | None:
        """The order that is still to be carried out."""
        return self.order if self.outcome == "pending" else None


class Versions:
    """The state and the folders of one device. Changes are on the disk when a method returns; for any thread."""

    def __init__(self, home: Home) -> None:
        """Raises StateProblem when state.json is damaged."""
        self.home = home
        self.state = read_state(home)
        self._turn = threading.RLock()

    def folder(self, sha256: str) -> Path:
        """Where the bundle of this zip lies unpacked, or would."""
        return self.home.bundles / sha256[:_NAME_DIGITS]

    def part(self, sha256: str) -> Path:
        """Where the zip arrives."""
        return self.home.downloads / f"{sha256}.part"

    def take(self, order: Order) -> None:
        """Remember that this is to be done. Raises OSError."""
        self._write(order=order, outcome="pending", why="", attempts=0)

    def forget_orders(self) -> None:
        """Another enrolment begins: its orders count from one, and what runs goes on. Raises OSError."""
        self._write(order=None, outcome="done", why="", attempts=0)

    def begin_trial(self) -> None:
        """Count a trial before it begins, for it may end this very process. Raises OSError."""
        self._write(attempts=self.state.attempts + 1)

    def call_off(self, order: Order) -> None:
        """A trial that was stopped for no fault of its own does not count. Raises OSError."""
        with self._turn:
            if self.state.order == order and self.state.attempts:
                self._write(attempts=self.state.attempts - 1)

    def settle(self, order: Order, outcome: str, why: str = "") -> None:
        """Write what became of ``order``, unless a newer one has come. Raises OSError."""
        with self._turn:
            if self.state.order == order:
                self._write(outcome=outcome, why=why, attempts=0)

    def took_over(self, version: Version, order: Order) -> None:
        """The version serves as ordered, and the one before is kept to go back to. Raises OSError."""
        with self._turn:
            running = self.state.running
            before = self.state.previous if running and running.sha256 == version.sha256 else running
            settled = {"outcome": "done", "why": "", "attempts": 0} if self.state.order == order else {}
            self._write(running=version, previous=before, starts=0, **settled)

    def started(self) -> int | None:
        """Count a start of the agent; how many there were since the running version took over, None once it is proven.

        A start after a trial that did not end is the trial's doing.
        """
        with self._turn:
            starts = self.state.starts
            if starts is not None and not (self.state.pending and self.state.attempts):
                self._write(starts=starts + 1)
            return starts

    def proven(self) -> None:
        """The running version's first minute is over. Raises OSError."""
        self._write(starts=None)

    def went_back(self, why: str, *, outcome: str) -> None:
        """The version before serves again, if there is one, and the one that ran is not gone back to. Raises OSError.

        What was ordered meanwhile stays ordered.
        """
        with self._turn:
            state = self.state
            same = state.order is not None and state.running is not None and state.order.sha256 == state.running.sha256
            settled = {"outcome": outcome, "why": why, "attempts": 0} if same or not state.pending else {}
            self._write(running=state.previous, previous=None, starts=None, **settled)

    def prune(self) -> None:
        """Delete what is neither running nor before it nor ordered, and what was left half unpacked. Raises OSError."""
        with self._turn:
            state = self.state
        kept = {version.sha256 for version in (state.running, state.previous) if version}
        wanted = {state.pending.sha256} if state.pending else set()
        folders = {self.folder(sha256).name for sha256 in kept | wanted}
        for folder in self.home.bundles.iterdir():
            if folder.name not in folders:
                shutil.rmtree(folder)
        parts = {self.part(sha256).name for sha256 in wanted}
        for part in self.home.downloads.iterdir():
            if part.name not in parts:
                part.unlink()
        sync_folder(self.home.bundles)

    def _write(self, **changes: Any) -> None:
        with self._turn:
            state = replace(self.state, **changes)
            write_json(self.home.state, asdict(state))
            self.state = state


def read_state(home: Home) -> State:
    """What state.json says; a device without one has never run anything. Raises StateProblem."""
    try:
        row = read_json(home.state)
        order, running, previous = (row.pop(name, None) for name in ("order", "running", "previous"))
        return State(
            order=Order(**order) if order else None,
            running=Version(**running) if running else None,
            previous=Version(**previous) if previous else None,
            **row,
        )
    except (OSError, ValueError, TypeError, AttributeError) as problem:
        raise StateProblem(
            f"{home.state} cannot be read ({problem}); delete it, and the device takes up its newest order anew."
        ) from problem
