"""How long a project takes from the click to the signed zip with the default backbone, step by step, and what is in the zip.

    python -m benchmarks.edge_export [--photos FOLDER] [--json PATH]

What a project of some hundred labels hands over: 300 images to calibrate on, 200 labelled ones to hold INT8 to, 300 labelled
audit images. Clock and processor time of this process and its children, between one step's message and the next. Then how
the batch is best made dynamic: the IR as it is, told another batch before it is compiled, and with any batch.
"""

from __future__ import annotations

import resource
import tempfile
import time
import zipfile
from collections import defaultdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.common import deliver, parser
from benchmarks.site import photos_for
from mlcore.bundle import Papers
from mlcore.edge.engine import ov
from mlcore.export import export_classifier
from tests.export.conftest import learn

BACKBONE = "lite0"
TAUGHT, CALIBRATION, VALIDATION, AUDIT = 40, 300, 200, 300
BATCH = 8
EXACT = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}


def main() -> None:
    """Measure and deliver."""
    made = parser(__doc__)
    made.add_argument("--photos", type=Path, help="a folder with one folder of images for each class")
    options = made.parse_args()
    with tempfile.TemporaryDirectory() as place:
        scratch = Path(place)
        photos = photos_for(options.photos, scratch)
        learnt = learn(BACKBONE, photos, each=TAUGHT)
        others = untaught(photos, learnt.names)
        arguments = learnt.arguments(
            calibration=[path for path, _ in others[:CALIBRATION]], validation=others[:VALIDATION],
            audit=others[CALIBRATION : CALIBRATION + AUDIT], out_dir=scratch / "out",
            papers=Papers(signing_key=ec.generate_private_key(ec.SECP256R1())),
        )  # fmt: skip
        clock = Clock()
        made_bundle = export_classifier(**arguments, progress=clock.tell)
        result = {
            "backbone": BACKBONE, "calibration": len(arguments["calibration"]), "validation": len(arguments["validation"]),
            "audit": len(arguments["audit"]), **clock.total(), "steps": clock.steps(),
            "zip_mb": round(made_bundle.size / 1e6, 1), "folders_mb": folders(made_bundle.path),
            "report": [row.as_dict() for row in made_bundle.report], "recommended": made_bundle.recommended,
            "recommended_because": made_bundle.recommended_because, "batch": batches(made_bundle.path, scratch),
        }  # fmt: skip
    deliver(result, options.json)


class Clock:
    """Time by the clock and of the processor between what an export tells."""

    def __init__(self) -> None:
        self._at = self._began = now()
        self._doing = "start"
        self._taken: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    def tell(self, fraction: float, message: str) -> None:
        """Book what has passed on what was being done; numbers in a message do not make it another."""
        at = now()
        taken = self._taken[self._doing]
        taken[0] += at[0] - self._at[0]
        taken[1] += at[1] - self._at[1]
        self._at, self._doing = at, " ".join(word for word in message.split() if not word.isdigit())

    def total(self) -> dict[str, float]:
        """All of it."""
        return {"wall_s": round(self._at[0] - self._began[0], 1), "cpu_s": round(self._at[1] - self._began[1], 1)}

    def steps(self) -> list[dict[str, Any]]:
        """Each step that took anything, in order."""
        return [
            {"step": " ".join(step.split()), "wall_s": round(wall, 2), "cpu_s": round(cpu, 2)}
            for step, (wall, cpu) in self._taken.items()
            if wall > 0.01
        ]


def now() -> tuple[float, float]:
    """Seconds by the clock, and of the processor in this process and its children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(one.ru_utime + one.ru_stime for one in used)


def untaught(photos: Path, names: list[str]) -> list[tuple[Path, int]]:
    """Photos that the head was not fitted on with their class, the classes in turn."""
    found = [
        [(path, number) for path in sorted((photos / name).rglob("*")) if path.suffix in (".jpg", ".png")][TAUGHT:]
        for number, name in enumerate(names)
    ]
    return [one for row in zip_longest(*found) for one in row if one is not None]


def folders(bundle: Path) -> dict[str, float]:
    """Megabytes in the zip of each folder at its top."""
    sizes: dict[str, int] = defaultdict(int)
    with zipfile.ZipFile(bundle) as packed:
        for entry in packed.infolist():
            sizes[entry.filename.partition("/")[0] if "/" in entry.filename else "files"] += entry.compress_size
    return {name: round(size / 1e6, 2) for name, size in sorted(sizes.items(), key=lambda one: -one[1])}


def batches(bundle: Path, scratch: Path) -> dict[str, float]:
    """Milliseconds an image in FP32: the IR as it is, with any batch asked for 1 and BATCH, and told BATCH beforehand."""
    with zipfile.ZipFile(bundle) as packed:
        for name in ("fp32/model.xml", "fp32/model.bin"):
            packed.extract(name, scratch / "bundle")
    core = ov.Core()
    xml = scratch / "bundle" / "fp32" / "model.xml"

    def compiled(batch: Any) -> Any:
        model = core.read_model(xml)
        if batch is not None:
            ov.set_batch(model, batch)
        return core.compile_model(model, "CPU", EXACT).create_infer_request()

    kinds = {
        "static, 1": (compiled(None), 1), "dynamic, 1": (compiled(ov.Dimension(1, 32)), 1),
        f"dynamic, {BATCH}": (compiled(ov.Dimension(1, 32)), BATCH), f"static, {BATCH}": (compiled(BATCH), BATCH),
    }  # fmt: skip
    side = core.read_model(xml).inputs[0].shape[1]
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for turn in range(7):
        for kind, (request, count) in kinds.items():
            pixels = np.zeros((count, side, side, 3), np.uint8)
            for _ in range(max(1, 16 // count)):
                began = time.perf_counter()
                request.infer([pixels])
                if turn:
                    times[kind].append((time.perf_counter() - began) / count)
    return {kind: round(float(np.median(taken)) * 1000, 2) for kind, taken in times.items()}


if __name__ == "__main__":
    main()
