"""The device's own code, kept warm in a process of its own and run for seconds at a time: for edge_runtime.

    PYTHONPATH=BUNDLE python benchmarks/edge_rounds.py BUNDLE PRECISION PICTURES

Reads lines such as `bare 3` or `folder 3` and answers each with a line of JSON: images, seconds, CPU seconds.
`bare` is the network alone, asked from as many threads as the folder pipeline has; `folder` is the whole way of a file.
It imports nothing of this project but the runtime that the bundle carries.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from mlcore.edge.runtime import Model
from mlcore.edge.sources import find_pictures
from mlcore.edge.station import Station


def bare(model: Model, pictures: list[Path], seconds: float) -> int:
    """Images that the network answers in so many seconds."""
    pixels = [model.read(path) for path in pictures[:16]]
    end = time.perf_counter() + seconds
    counts = [0] * model.hands

    def hand(number: int) -> None:
        for one in itertools.cycle(pixels):
            model.infer(one, many=True)
            counts[number] += 1
            if time.perf_counter() > end:
                return

    hands = [threading.Thread(target=hand, args=(number,)) for number in range(len(counts))]
    for one in hands:
        one.start()
    for one in hands:
        one.join()
    return sum(counts)


def folder(station: Station, pictures: list[Path], seconds: float) -> int:
    """Files that are read, scaled and answered in so many seconds."""
    end = time.perf_counter() + seconds

    def files() -> Iterator[tuple[str, Path]]:
        for path in itertools.cycle(pictures):
            if time.perf_counter() > end:
                return
            yield path.name, path

    return sum(1 for _ in station.see_many(files()))


def main() -> None:
    """Answer lines until there are none."""
    bundle, precision, place = sys.argv[1:]
    model = Model(bundle, precision, "CPU")
    station, pictures = Station(model), find_pictures(place)
    bare(model, pictures, 0.5)
    print("ready", flush=True)
    for line in sys.stdin:
        what, seconds = line.split()
        began, used = time.perf_counter(), time.process_time()
        images = (bare(model, pictures, float(seconds)) if what == "bare" else folder(station, pictures, float(seconds)))
        took = {"images": images, "s": time.perf_counter() - began, "cpu_s": time.process_time() - used}
        print(json.dumps(took), flush=True)


if __name__ == "__main__":
    main()
