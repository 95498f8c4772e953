"""Record what each precision says of a few pictures, so that a device can check itself; read by mlcore.edge.golden."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.edge.preprocess import UnreadableImage, load_input
from mlcore.export_pictures import Picture, to_jpeg
from mlcore.measure import Runner

PICTURES = 3

# How far a probability may be off on another device. FP32 differs by the order of additions; FP16 and INT8 run as fast as
# the device can, which may mean half precision or bfloat16 between their layers.
TOLERANCE = {"FP32": 0.005, "FP16": 0.05, "INT8": 0.1}


def choose(pictures: Sequence[Picture]) -> list[bytes]:
    """A few of the pictures, spread evenly, as JPEGs without metadata; those that cannot be read are passed over."""
    chosen: list[bytes] = []
    # Beginning in the middle of each part; where that cannot be read, whatever follows.
    starts = [(2 * part + 1) * len(pictures) // (2 * PICTURES) for part in range(PICTURES)]
    taken: set[int] = set()
    for start in starts:
        for place in [*range(start, len(pictures)), *range(start)]:
            if place in taken:
                continue
            taken.add(place)
            try:
                chosen.append(to_jpeg(pictures[place]))
                break
            except UnreadableImage:
                continue
    return chosen


def record(irs: Mapping[str, Path], pictures: Mapping[str, bytes], size: int, class_names: Sequence[str]) -> dict[str, Any]:
    """What golden/expected.json holds: ``pictures`` are JPEGs by their names in the bundle, ``size`` the model's side."""
    said: dict[str, dict[str, list[float]]] = {name: {} for name in pictures}
    for precision, xml in irs.items():
        runner = Runner(xml, precision)
        for name, jpeg in pictures.items():
            said[name][precision] = [round(float(one), 5) for one in runner.logits(load_input(jpeg, size))]
    first = next(iter(irs))
    return {
        "compared": "largest difference of any probability, the softmax of the logits",
        "tolerance": {precision: TOLERANCE[precision] for precision in irs},
        "pictures": [
            {"image": name, "label": class_names[int(np.argmax(logits[first]))], "logits": logits}
            for name, logits in said.items()
        ],
    }
