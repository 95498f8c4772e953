"""The command of a bundle, ``run.py``: pictures in, one line of JSON out for each."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mlcore.edge.manifest import PRECISIONS, BundleProblem, Manifest
from mlcore.edge.options import OptionProblem, WorkOptions, add_arguments
from mlcore.edge.runtime import Model
from mlcore.edge.signature import prove
from mlcore.edge.sinks import Line, SinkProblem, encode
from mlcore.edge.sources import CameraProblem, find_pictures, frames
from mlcore.edge.station import Missed, Seen, Station
from mlcore.edge.work import Work, line_of, start

PORT = 8080

OK, SOME_FAILED, CANNOT_RUN, INTERRUPTED = 0, 1, 2, 130


def main(words: Sequence[str] | None = None, *, bundle: Path | None = None) -> int:
    """Run the command on the bundle unpacked at ``bundle``; returns the exit code.

    0: all answered; 1: some pictures could not be read (each has its line); 2: nothing could run; 130: interrupted.
    """
    parser = _parser(needs_bundle=bundle is None)
    arguments = parser.parse_args(words)
    if arguments.serve and arguments.port is None:
        arguments.port = PORT
    try:
        options = WorkOptions.from_arguments(arguments)
    except OptionProblem as problem:
        parser.error(str(problem))
    if not options.has_source and not arguments.verify:
        parser.error("give a picture, a folder or a pattern, or --camera 0, --watch, --video, --serve or --verify")
    try:
        key = arguments.key.read_text(encoding="utf-8") if arguments.key else None
    except (OSError, ValueError) as problem:
        parser.error(f"--key {arguments.key} cannot be read ({problem}); give the file with the workspace's public key")
    alive = options.watch is not None or options.port is not None or options.camera is not None
    try:
        if arguments.verify:
            manifest = Manifest.read(bundle or arguments.bundle)
            print(prove(manifest, manifest.choose(arguments.precision), key))
            return OK
        model = Model(bundle or arguments.bundle, arguments.precision, arguments.device, trusted_key=key)
        if model.note:
            print(f"run.py: {model.note}", file=sys.stderr)
        station = Station(model)
        if options.watch is not None or options.video is not None or options.port is not None or options.has_sink:
            return _work(station, options)
        failed = _answer_all(station, options.images, options.top)
        if options.camera is not None:
            which = int(options.camera) if options.camera.isdecimal() else options.camera
            for frame in frames(which, options.frames):
                failed += _tell(station.look(frame, f"camera:{which}", top=options.top), options.top)
        return SOME_FAILED if failed else OK
    except (BundleProblem, CameraProblem, SinkProblem) as problem:
        print(f"run.py: {problem}", file=sys.stderr)
        return CANNOT_RUN
    except KeyboardInterrupt:
        # Ctrl-C is how a camera or a server is meant to end, but it cuts a list of pictures short.
        return OK if alive else INTERRUPTED
    except BrokenPipeError:
        # The reader of our lines has gone (run.py ... | head): what is left is written to nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _parser(*, needs_bundle: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py", description="Tell the class of pictures: one line of JSON for each on standard output."
    )
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="a picture, a folder, or a pattern such as 'in/*.jpg'")
    parser.add_argument("--precision", type=str.upper, choices=PRECISIONS, help="default: the one the bundle recommends")
    parser.add_argument("--device", default="AUTO", help="OpenVINO device: AUTO, CPU, GPU, NPU (default %(default)s)")
    parser.add_argument(
        "--serve",
        action="store_true",
        help=f"answer over HTTP, on port {PORT} if --port names no other: POST /predict, GET /",
    )
    parser.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="public key (PEM) that must have signed every file; without it the bundle's own, which finds accidents only",
    )
    parser.add_argument("--verify", action="store_true", help="only check the files, and say what that proves")
    add_arguments(parser)
    if needs_bundle:
        parser.add_argument("--bundle", type=Path, required=True, help="folder of the unpacked bundle")
    return parser


def _answer_all(station: Station, words: Sequence[str], top: int) -> int:
    """Print the line of every picture that the words mean; returns how many failed."""
    failed = 0
    for word in words:
        paths = find_pictures(word)
        if not paths:
            _say({"source": word, "error": "No picture found here; check the path or the pattern."})
            failed += 1
        elif len(paths) == 1:
            failed += _tell(station.look(paths[0], str(paths[0]), top=top), top)
        else:
            for outcome in station.see_many(((str(path), path) for path in paths), top=top):
                failed += _tell(outcome, top)
    return failed


def _tell(outcome: Seen | Missed, top: int) -> int:
    """Print the line of one picture; returns 1 when it got no answer, else 0."""
    _say({name: value for name, value in line_of(outcome, top).items() if name not in ("at", "model")})
    return int(isinstance(outcome, Missed))


def _work(station: Station, options: WorkOptions) -> int:
    """Run until every source has ended, or Ctrl-C."""
    try:
        work = start(station, options)
    except (OSError, OverflowError) as problem:
        where = f"port {options.port} on {options.host}"
        print(
            f"run.py: {where} cannot be used ({getattr(problem, 'strerror', None) or problem}); choose another with --port.",
            file=sys.stderr,
        )
        return CANNOT_RUN
    with _stopped_as_by_a_person():
        try:
            if work.address and station.model:
                host, port = work.address
                page = ", page at /" if work.page else ""
                print(
                    f"Serving {station.model.precision} on http://{host}:{port}/predict{page} (Ctrl-C ends it)",
                    file=sys.stderr,
                    flush=True,
                )
            _tell_troubles(work)
        finally:
            work.stop()
    if any(source.state == "failed" for source in work.sources):
        return CANNOT_RUN
    return SOME_FAILED if any(source.missed for source in work.sources) else OK


def _tell_troubles(work: Work) -> None:
    """Print what does not work, each time that it changes, until the work is done."""
    told: list[str] = []
    ended = False
    while not ended:
        ended = work.wait(0.3)
        troubles = [source.trouble for source in work.sources] + [sink.trouble for sink in work.sinks]
        for trouble in troubles:
            if trouble and trouble not in told:
                print(f"run.py: {trouble}", file=sys.stderr, flush=True)
        told = troubles


@contextmanager
def _stopped_as_by_a_person() -> Iterator[None]:
    """Let a service manager's SIGTERM end the work as Ctrl-C does, so that nothing that waits is lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(line: Line) -> None:
    print(encode(line), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
