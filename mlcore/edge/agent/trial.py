"""A new bundle tries itself in a process of its own, where a crash, a hang or too little memory harm nothing.

Run as ``python -m mlcore.edge.agent.trial FOLDER``; it prints one line of JSON: ``{"ok": true, ...}`` with what was
measured, or ``{"ok": false, "why": sentence}``. It ends when its standard input closes, that is, with the agent.
"""

import argparse
import json
import os
import statistics
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.edge import golden
from mlcore.edge.manifest import BundleProblem
from mlcore.edge.preprocess import Pixels, UnreadableImage
from mlcore.edge.runtime import InferenceFailed, Model
from mlcore.edge.sources import SUFFIXES

_WARM_UP = 5
_MEASURED = 50
_MEASURE_SECONDS = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the bundle; returns 0 whether it is good or not, for the line tells."""
    parser = argparse.ArgumentParser(prog="trial", description="Try a bundle and print one line of JSON.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--precision")
    parser.add_argument("--device", default="AUTO")
    options = parser.parse_args(arguments)
    _be_the_first_to_go()
    threading.Thread(target=_end_with_the_agent, daemon=True).start()
    try:
        result = {"ok": True, **try_bundle(options.folder, options.precision, options.device)}
    except (BundleProblem, UnreadableImage, InferenceFailed) as problem:
        result = {"ok": False, "why": str(problem)}
    except MemoryError:
        result = {"ok": False, "why": "The device has too little memory for it."}
    print(json.dumps(result), flush=True)
    return 0


def try_bundle(folder: Path, precision: str | None, device: str) -> dict[str, Any]:
    """Load, answer the golden pictures, and measure: p50_ms and p95_ms of one answer, agreement (0..1), precision, on, note.

    Raises BundleProblem, UnreadableImage, InferenceFailed.
    """
    model = Model(folder, precision, device)
    checked = golden.check(model)
    pictures = _pictures(model)
    for turn in range(_WARM_UP):
        model.answer(pictures[turn % len(pictures)])
    times: list[float] = []
    end = time.perf_counter() + _MEASURE_SECONDS
    while len(times) < _MEASURED and (not times or time.perf_counter() < end):
        began = time.perf_counter()
        model.answer(pictures[len(times) % len(pictures)])
        times.append((time.perf_counter() - began) * 1000)
    return {
        "p50_ms": round(statistics.median(times), 3),
        "p95_ms": round(sorted(times)[int(0.95 * (len(times) - 1))], 3),
        "agreement": checked.agreement if checked else None,
        "precision": model.precision,
        "on": model.runs_on,
        "note": model.note,
    }


def black_picture(model: Model) -> Pixels:
    """A picture for warming up, in the size that the network takes."""
    size = model.manifest.input_size
    return np.zeros((size, size, 3), np.uint8)


def _pictures(model: Model) -> Sequence[Path | Pixels]:
    """The bundle's own samples, else a black picture: what is measured includes decoding."""
    folder = (model.manifest.root / golden.GOLDEN_NAME).parent
    samples = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    return samples or [black_picture(model)]


def _be_the_first_to_go() -> None:
    """Where memory runs out, let the system end this process and not the one that serves (Linux; elsewhere nothing)."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    except OSError:
        return


def _end_with_the_agent() -> None:
    # Not through sys.stdin, whose lock Python needs at the end.
    while os.read(0, 1024):
        continue
    os._exit(1)


if __name__ == "__main__":
    raise SystemExit(main())
