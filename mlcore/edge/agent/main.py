"""The agent: serve what ran before, then talk with the workspace, until asked to stop. May be killed at any moment."""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import FrameType
from typing import Any

from mlcore.edge.agent.back import Back
from mlcore.edge.agent.changer import Changer, Choice
from mlcore.edge.agent.durable import read_json
from mlcore.edge.agent.home import Home
from mlcore.edge.agent.identity import Identity, IdentityProblem, read_workspace
from mlcore.edge.agent.link import Link, NoLink
from mlcore.edge.agent.status import Status
from mlcore.edge.agent.stream import Stream
from mlcore.edge.agent.sync import Sync
from mlcore.edge.agent.versions import Versions
from mlcore.edge.manifest import BundleProblem
from mlcore.edge.reference import Reference
from mlcore.edge.runtime import Model
from mlcore.edge.station import Station
from mlcore.edge.uncertain import Keeper, KeepSettings
from mlcore.edge.watch import Watch
from mlcore.edge.work import OptionProblem, SinkProblem, Work, WorkOptions
from mlcore.edge.work import start as start_work

# Where pictures are answered when nothing else was asked for; if it is taken, any other port.
USUAL = WorkOptions(port=8080)

# Seconds between two tries to begin the work, while a port is taken or a folder missing.
_AGAIN = 10.0


class Agent:
    """Everything that runs on one device, put together; ``station`` is where its pictures are answered.

    ``work`` says where pictures come from and where answers go; without it work.json in the home does, or HTTP it is.
    Raises IdentityProblem, StateProblem, HomeProblem, LinkProblem, OptionProblem when the device cannot begin; later nothing
    ends it but ``stop``.
    """

    def __init__(self, home: Home, *, choice: Choice | None = None, work: WorkOptions | None = None) -> None:
        home.make()
        self.home = home
        self._options = work or _read_options(home)
        self._work: Work | None = None
        self._stopped = threading.Event()
        self.station = Station()
        self._versions = Versions(home)
        self._link = _link_of(home, serves=self._versions.state.running is not None)
        self._status = Status(home.status, self._changed, _say)
        self._watch = Watch(self.station)
        self._keeper = Keeper(home.kept)
        self.station.observers.append(self._keeper)
        self._changer = Changer(
            versions=self._versions,
            station=self.station,
            status=self._status,
            link=self._link,
            choice=choice or Choice(),
            on_model=self._model_began,
        )
        self._sync = Sync(
            home=home,
            link=self._link,
            versions=self._versions,
            status=self._status,
            changer=self._changer,
            on_settings=self._allow,
            on_ask=self._look_around,
        )
        self._stream = Stream(self._link, self._sync.wake)
        self._back = Back(link=self._link, watch=self._watch, keeper=self._keeper, allowed=lambda: not self._sync.revoked)
        self._said = ""

    def serve_first(self) -> None:
        """Let the version that ran before answer again."""
        self._sync.take_up_settings()
        self._changer.serve_first()
        threading.Thread(target=self._begin_work, name="work", daemon=True).start()
        self._changed()

    def run(self) -> None:
        """Talk with the workspace until ``stop``."""
        self._changer.start()
        self._stream.start()
        self._back.start()
        try:
            self._sync.run()
        finally:
            self._stream.stop()
            self._back.stop()
            self._changer.stop()
            self._changer.join(timeout=5)
            self._stopped.set()
            if self._work is not None:
                self._work.stop()
            self._status.save(self._versions.state)

    def stop(self) -> None:
        """Let ``run`` return; what was begun is taken up at the next start."""
        self._sync.stop()

    def _begin_work(self) -> None:
        """Open sources and sinks; what cannot be opened is told, and tried again."""
        options = self._options or USUAL
        # A line a picture in the journal of a service would wear out a device's flash: only where it is asked for.
        options = replace(options, stdout=bool(options.stdout))
        while not self._stopped.is_set():
            try:
                self._work = start_work(self.station, options)
            except SinkProblem as problem:
                self._status.note("work", str(problem))
            except OSError as problem:
                where = f"Port {options.port} on {options.host} cannot be used ({problem.strerror or problem})"
                self._status.note("work", f"{where}; end what has it, or give another with --port.")
                if self._options is None:
                    options = replace(options, port=0)
                    continue
            else:
                self._status.note("work", "")
                if self._work.address:
                    self._status.address("http://{}:{}".format(*self._work.address))
                self._changed()
                return
            self._stopped.wait(_AGAIN)

    def _model_began(self, model: Model) -> None:
        try:
            self._keeper.reference = Reference.read(model.manifest.root)
        except BundleProblem:
            # What it is torn about is still found; what it never saw is not.
            self._keeper.reference = None

    def _allow(self, settings: Mapping[str, Any]) -> None:
        self._keeper.settings = KeepSettings.read(settings)
        self._watch.with_features = settings.get("privacy", "nothing") != "nothing"

    def _look_around(self) -> None:
        """Tell what goes wrong where no order is concerned: a camera, a sink, what is kept."""
        self._status.note("keeper", self._keeper.trouble)
        if self._work is not None:
            state = self._work.state()
            troubles = [one["trouble"] for one in (*state["sources"], *state["sinks"]) if one["trouble"]]
            self._status.note("work", " ".join(troubles))

    def _changed(self) -> None:
        report = self._status.report(self._versions.state)
        running = report["running"]
        said = " ".join(
            word
            for word in (
                report["state"],
                f"(bundle {running['number']} serves, {running['precision']} on {running['device']})" if running else "",
                report["why"],
            )
            if word
        )
        if said != self._said:
            self._said = said
            _say(said)
        self._status.save(self._versions.state)
        self._sync.wake()


def _read_options(home: Home) -> WorkOptions | None:
    """What work.json asks for; None without one. Raises OptionProblem."""
    try:
        data = read_json(home.work)
    except (OSError, ValueError) as problem:
        raise OptionProblem(f"{home.work} cannot be read ({problem}); mend it or delete it.") from problem
    return WorkOptions.read(data) if data else None


def _link_of(home: Home, *, serves: bool) -> Link:
    """The way to the workspace. A device that has something to serve does so even if its papers are not in order."""
    workspace = read_workspace(home)
    try:
        return Link(Identity.read(home))
    except IdentityProblem as problem:
        if not serves:
            raise
        return NoLink(workspace, str(problem))


def _say(text: str) -> None:
    # Where the log lies on the disk that is full, nobody can be told, and answering goes on.
    with contextlib.suppress(OSError):
        print(f"edge-annotator: {text}", file=sys.stderr, flush=True)


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Call ``stop`` when the system or a person asks the process to end."""

    def hear(number: int, frame: FrameType | None) -> None:
        # Not in the handler itself: what it interrupted may hold the lock that stopping needs.
        threading.Thread(target=stop, daemon=True).start()

    signal.signal(signal.SIGTERM, hear)
    signal.signal(signal.SIGINT, hear)
