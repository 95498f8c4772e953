"""The device at work: sources, the station and sinks put together, each in a thread of its own."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlcore.edge.film import LiveCamera, film_frames
from mlcore.edge.folder import WatchedFolder
from mlcore.edge.mqtt import Mqtt
from mlcore.edge.options import OptionProblem, WorkOptions
from mlcore.edge.page import Page
from mlcore.edge.serve import EdgeServer, create_server
from mlcore.edge.sinks import File, Line, Sink, SinkProblem, StandardOutput, is_loopback
from mlcore.edge.sources import CameraProblem, find_pictures
from mlcore.edge.station import Missed, Seen, Station
from mlcore.edge.webhook import Webhook

__all__ = ["OptionProblem", "SinkProblem", "Work", "WorkOptions", "line_of", "start"]

# Seconds between two looks into a watched folder, and between two tries of a camera: these double up to the longest.
LOOK_EVERY = 0.5
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0

# Seconds that `stop` waits for one source.
_PATIENCE = 15.0


@dataclass
class Source:
    """A place that pictures come from, as it stands: ``state`` is waiting, working, done or failed, ``trouble`` says why."""

    name: str
    state: str = "waiting"
    trouble: str = ""
    answered: int = 0
    missed: int = 0


def start(station: Station, options: WorkOptions) -> "Work":
    """Begin to work. Sources wait until the station has a model. Raises SinkProblem, and OSError when the port is taken."""
    sinks = _open_sinks(options)
    page = Page(station) if _shows_page(options) else None
    try:
        server = None
        if options.port is not None:
            server = create_server(
                station, options.host, options.port, max_body=options.max_bytes, top=options.top, page=page
            )
    except (OSError, OverflowError):
        for sink in sinks:
            sink.close()
        raise
    return Work(station, options, sinks, server, page)


def line_of(outcome: Seen | Missed, top: int) -> Line:
    """What is told of one picture: source, at (ISO, UTC), model (the bundle's number), and label, confidence... or error."""
    line: Line = {"source": outcome.source, "at": datetime.fromtimestamp(outcome.at, UTC).isoformat(timespec="milliseconds")}
    if outcome.number is not None:
        line["model"] = outcome.number
    if isinstance(outcome, Missed):
        return {**line, "error": outcome.message}
    best = outcome.answer.predictions[0]
    return {
        **line,
        "label": best.label,
        "confidence": round(best.confidence, 6),
        "top": [{"label": one.label, "confidence": round(one.confidence, 6)} for one in outcome.answer.predictions[:top]],
        "ms": round(outcome.ms, 2),
    }


class Work:
    """Everything that runs between ``start`` and ``stop``.

    ``address`` is where HTTP is answered, (host, port), or None. ``wait`` returns when every source has come to its end,
    which folders, cameras and HTTP never do.
    """

    def __init__(
        self, station: Station, options: WorkOptions, sinks: list[Sink], server: EdgeServer | None, page: Page | None
    ) -> None:
        self.sources: list[Source] = []
        self.sinks = sinks
        self.page = page
        self._station = station
        self._options = options
        self._server = server
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self.address = (str(server.server_address[0]), int(server.server_address[1])) if server else None
        if page:
            page.work = self
        if server:
            self._begin("HTTP", lambda source: self._serve(source, server))
        if options.images:
            self._begin("pictures", self._answer_images)
        if options.watch is not None:
            self._begin(f"folder {options.watch}", self._watch)
        if options.camera is not None:
            self._begin(f"camera {options.camera}", self._film_camera)
        if options.video is not None:
            self._begin(f"film {options.video}", self._play)

    def stop(self) -> None:
        """End: what is being answered is answered, what waits for a sink is delivered, for some seconds at most."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        for thread in self._threads:
            thread.join(_PATIENCE)
        if self.page:
            self.page.close()
        for sink in self.sinks:
            sink.close()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until every source has ended, or for so many seconds; tells which."""
        end = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(None if end is None else max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def state(self) -> dict[str, Any]:
        """How sources and sinks are, as JSON can hold it."""
        return {
            "sources": [vars(source).copy() for source in self.sources],
            "sinks": [{"name": sink.name, "dropped": sink.dropped, "trouble": sink.trouble} for sink in self.sinks],
        }

    def _begin(self, name: str, run: Callable[[Source], None]) -> None:
        source = Source(name)
        self.sources.append(source)
        thread = threading.Thread(target=_run, args=(run, source), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _wait_for_model(self, source: Source) -> bool:
        """Wait until there is a model; False when it is time to stop instead."""
        while self._station.model is None:
            source.state = "waiting"
            if self._stopping.wait(0.1):
                return False
        source.state = "working"
        return not self._stopping.is_set()

    def _tell(self, source: Source, outcome: Seen | Missed) -> None:
        if isinstance(outcome, Seen):
            source.answered += 1
        else:
            source.missed += 1
        line = line_of(outcome, self._options.top)
        for sink in self.sinks:
            sink.put(line)

    def _serve(self, source: Source, server: EdgeServer) -> None:
        source.state = "working"
        server.serve_forever(poll_interval=0.1)
        source.state = "done"

    def _answer_images(self, source: Source) -> None:
        def pictures() -> Iterator[tuple[str, Path]]:
            for word in self._options.images:
                for path in find_pictures(word):
                    if self._stopping.is_set():
                        return
                    yield str(path), path

        if self._wait_for_model(source):
            for outcome in self._station.see_many(pictures(), top=self._options.top):
                self._tell(source, outcome)
        source.state = "done"

    def _watch(self, source: Source) -> None:
        folder = WatchedFolder(Path(str(self._options.watch)), afterwards=self._options.afterwards)
        while self._wait_for_model(source):
            ready = folder.look()
            source.trouble = folder.trouble
            for outcome in self._answer_ready(ready):
                if not folder.finish(Path(outcome.source), answered=isinstance(outcome, Seen)):
                    continue
                if isinstance(outcome, Missed):
                    self._station.tell_missed(outcome)
                self._tell(source, outcome)
            if not ready:
                self._stopping.wait(LOOK_EVERY)
        source.state = "done"

    def _answer_ready(self, ready: Sequence[Path]) -> Iterator[Seen | Missed]:
        """Answer for these, one alone soonest and many together; few more when it is time to stop."""
        top = self._options.top
        if len(ready) == 1:
            yield self._station.look(ready[0], str(ready[0]), top=top, tell_misses=False)
        elif ready:
            pictures = ((str(path), path) for path in ready if not self._stopping.is_set())
            yield from self._station.see_many(pictures, top=top, tell_misses=False)

    def _film_camera(self, source: Source) -> None:
        which = str(self._options.camera)
        pause = FIRST_PAUSE
        while self._wait_for_model(source):
            try:
                camera = LiveCamera(int(which) if which.isdecimal() else which)
                try:
                    self._answer_camera(source, camera, f"camera:{which}")
                finally:
                    camera.close()
                break
            except CameraProblem as problem:
                source.state, source.trouble = "failed", str(problem)
                self._stopping.wait(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)
        source.state = "done"

    def _answer_camera(self, source: Source, camera: LiveCamera, name: str) -> None:
        number = 0
        taken = 0
        while not self._stopping.is_set() and taken != self._options.frames:
            taken += 1
            number, frame = camera.newest(number, self._options.every)
            source.state, source.trouble = "working", ""
            self._tell(source, self._station.look(frame, name, top=self._options.top))

    def _play(self, source: Source) -> None:
        film = Path(str(self._options.video))

        def frames() -> Iterator[tuple[str, Any]]:
            for number, frame in film_frames(film, self._options.every):
                if self._stopping.is_set():
                    return
                yield f"{film}#{number}", frame

        if self._wait_for_model(source):
            try:
                for outcome in self._station.see_many(frames(), top=self._options.top):
                    self._tell(source, outcome)
                source.state = "done"
            except CameraProblem as problem:
                source.state, source.trouble = "failed", str(problem)


def _run(run: Callable[[Source], None], source: Source) -> None:
    try:
        run(source)
    finally:
        if source.state not in ("done", "failed"):
            source.state, source.trouble = "failed", f"The {source.name} ended by a fault in this program; restart it."


def _open_sinks(options: WorkOptions) -> list[Sink]:
    """Open what is asked for, all or none. Raises SinkProblem."""
    sinks: list[Sink] = []
    try:
        if options.prints:
            sinks.append(StandardOutput())
        if options.out is not None:
            sinks.append(File(Path(options.out), options.out_mb * 1_000_000))
        if options.webhook is not None:
            sinks.append(Webhook(options.webhook, plain=options.plain))
        if options.mqtt is not None:
            sinks.append(Mqtt(options.mqtt, plain=options.plain))
    except SinkProblem:
        for sink in sinks:
            with suppress(OSError):
                sink.close()
        raise
    return sinks


def _shows_page(options: WorkOptions) -> bool:
    return options.port is not None and (is_loopback(options.host) if options.page is None else options.page)
