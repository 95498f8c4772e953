"""The command of a bundle, ``run.py``: pictures in, one line of JSON out for each."""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlcore.edge.manifest import PRECISIONS, BundleProblem, Manifest
from mlcore.edge.preprocess import UnreadableImage
from mlcore.edge.runtime import Model, Picture
from mlcore.edge.serve import MAX_BODY, create_server
from mlcore.edge.signature import prove
from mlcore.edge.sources import CameraProblem, find_pictures, frames

OK, SOME_FAILED, CANNOT_RUN, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None, *, bundle: Path | None = None) -> int:
    """Run the command on the bundle unpacked at ``bundle``; returns the exit code.

    0: all answered; 1: some pictures could not be read (each has its line); 2: nothing could run; 130: interrupted.
    """
    parser = _parser(needs_bundle=bundle is None)
    options = parser.parse_args(arguments)
    if not options.images and options.camera is None and not options.serve and not options.verify:
        parser.error("give a picture, a folder or a pattern, or --camera 0, or --serve, or --verify")
    try:
        key = options.key.read_text(encoding="utf-8") if options.key else None
    except (OSError, ValueError) as problem:
        parser.error(f"--key {options.key} cannot be read ({problem}); give the file with the workspace's public key")
    try:
        if options.verify:
            manifest = Manifest.read(bundle or options.bundle)
            print(prove(manifest, manifest.choose(options.precision), key))
            return OK
        model = Model(bundle or options.bundle, options.precision, options.device, trusted_key=key)
        if options.serve:
            return _serve(model, options)
        failed = 0
        for word in options.images:
            failed += _answer_word(model, word, options.top)
        if options.camera is not None:
            for frame in frames(options.camera, options.frames):
                failed += _answer_one(model, f"camera:{options.camera}", frame, options.top)
        return SOME_FAILED if failed else OK
    except (BundleProblem, CameraProblem) as problem:
        print(f"run.py: {problem}", file=sys.stderr)
        return CANNOT_RUN
    except KeyboardInterrupt:
        # Ctrl-C is how a camera or a server is meant to end, but it cuts a list of pictures short.
        return OK if options.serve or options.camera is not None else INTERRUPTED
    except BrokenPipeError:
        # The reader of our lines has gone (run.py ... | head): what is left is written to nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _parser(*, needs_bundle: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py", description="Tell the class of pictures: one line of JSON for each on standard output."
    )
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="a picture, a folder, or a pattern such as 'in/*.jpg'")
    parser.add_argument("--camera", type=int, metavar="N", help="answer for each frame of camera N (needs OpenCV)")
    parser.add_argument("--frames", type=int, metavar="N", help="stop after N frames of the camera (default: Ctrl-C)")
    parser.add_argument("--precision", type=str.upper, choices=PRECISIONS, help="default: the one the bundle recommends")
    parser.add_argument("--device", default="AUTO", help="OpenVINO device: AUTO, CPU, GPU, NPU (default %(default)s)")
    parser.add_argument("--top", type=int, default=3, metavar="K", help="classes in each line (default %(default)s)")
    parser.add_argument("--serve", action="store_true", help="answer over HTTP: POST /predict, GET /metadata, /healthz")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="with --serve; 0.0.0.0 opens it to the network (default %(default)s)",
    )
    parser.add_argument("--port", type=int, default=8080, help="with --serve (default %(default)s; 0 takes a free one)")
    parser.add_argument("--max-bytes", type=int, default=MAX_BODY, help="with --serve: largest upload (default %(default)s)")
    parser.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="public key (PEM) that must have signed every file; without it the bundle's own, which finds accidents only",
    )
    parser.add_argument("--verify", action="store_true", help="only check the files, and say what that proves")
    if needs_bundle:
        parser.add_argument("--bundle", type=Path, required=True, help="folder of the unpacked bundle")
    return parser


def _answer_word(model: Model, word: str, top: int) -> int:
    """Answer for every picture that the word means; returns how many failed."""
    paths = find_pictures(word)
    if not paths:
        _say({"source": word, "error": "No picture found here; check the path or the pattern."})
        return 1
    return sum(_answer_one(model, str(path), path, top) for path in paths)


def _answer_one(model: Model, source: str, picture: Picture, top: int) -> int:
    """Print the line of one picture; returns 1 when it could not be read, else 0."""
    began = time.perf_counter()
    try:
        predictions = model.answer(picture, max(1, top)).predictions
    except UnreadableImage as problem:
        _say({"source": source, "error": problem.message})
        return 1
    best = predictions[0]
    _say(
        {
            "source": source,
            "label": best.label,
            "confidence": round(best.confidence, 6),
            "top": [{"label": one.label, "confidence": round(one.confidence, 6)} for one in predictions],
            "ms": round((time.perf_counter() - began) * 1000, 2),
        }
    )
    return 0


def _serve(model: Model, options: argparse.Namespace) -> int:
    try:
        server = create_server(model, options.host, options.port, max_body=options.max_bytes, top=max(1, options.top))
    except (OSError, OverflowError) as problem:
        where = f"port {options.port} on {options.host}"
        print(
            f"run.py: {where} cannot be used ({getattr(problem, 'strerror', None) or problem}); choose another with --port.",
            file=sys.stderr,
        )
        return CANNOT_RUN
    host, port = server.server_address[:2]
    print(
        f"Serving {model.precision} on http://{host!s}:{port}/predict (Ctrl-C ends it)",
        file=sys.stderr,
        flush=True,
    )
    with server:
        server.serve_forever()
    return OK


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
