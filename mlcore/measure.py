"""How good, how big and how fast an IR is on this machine, and which one to ship."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlcore.convert import LOGITS
from mlcore.edge.engine import ov
from mlcore.edge.postprocess import softmax
from mlcore.edge.preprocess import Pixels
from mlcore.edge.runtime import compile_options

# A smaller model may lose this share of accuracy against FP32 and still be recommended.
MAX_DROP = 0.01
# Fewer audit pictures than this say too little, so agreement with FP32 decides instead.
MIN_AUDIT = 100
MIN_AGREEMENT = 0.98
# Latencies closer than this are the same; then the smaller file wins.
SAME_LATENCY = 1.10


@dataclass(frozen=True)
class Speed:
    """From pixels to logits at batch 1: milliseconds (LATENCY hint), pictures a second (THROUGHPUT hint)."""

    latency_p50_ms: float
    latency_p95_ms: float
    throughput: float


@dataclass(frozen=True)
class ReportRow:
    """One precision of the report.

    accuracy with its Wilson interval low..high on n audit pictures, through the IR itself (None when
    n is 0); agreement (share of equal answers) and max_diff (largest difference of any probability)
    against torch on ``compared`` pictures; size of model.xml and model.bin together.
    """

    precision: str
    accuracy: float | None
    low: float | None
    high: float | None
    n: int
    agreement: float
    max_diff: float
    compared: int
    size_bytes: int
    latency_p50_ms: float
    latency_p95_ms: float
    throughput: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class Runner:
    """An IR compiled as the edge runtime compiles it, that says probabilities of one picture at a time."""

    def __init__(self, xml: Path, precision: str, device: str = "CPU") -> None:
        options: dict[str, str] = compile_options(precision)
        if precision == "FP32" and device == "CPU":
            options = {**options, "INFERENCE_PRECISION_HINT": "f32"}
        self._request = ov.Core().compile_model(xml, device, options).create_infer_request()

    def probabilities(self, pixels: Pixels) -> npt.NDArray[np.float64]:
        """uint8 (s, s, 3) to probabilities (C,)."""
        self._request.infer([pixels[None]])
        return softmax(self._request.get_tensor(LOGITS).data[0])


def measure_speeds(
    irs: Mapping[str, Path], pictures: Sequence[Pixels], *, rounds: int = 12, seconds: float = 0.12, device: str = "CPU"
) -> dict[str, Speed]:
    """Time IRs on real pictures, uint8 (s, s, 3) each, with nothing but the network between two clocks.

    They take turns, ``seconds`` each for every hint in each of ``rounds`` rounds, so that whatever else
    the machine does in between hits all of them alike.
    """
    batches = [picture[None] for picture in pictures]
    core = ov.Core()
    times: dict[str, list[float]] = {precision: [] for precision in irs}
    requests = {
        precision: core.compile_model(xml, device, compile_options(precision, "LATENCY")).create_infer_request()
        for precision, xml in irs.items()
    }
    for turn in range(rounds + 1):
        for precision, request in requests.items():
            taken = _time_one_by_one(request, batches, seconds)
            if turn:  # the first round only warms up
                times[precision] += taken
    del requests

    rates: dict[str, list[float]] = {precision: [] for precision in irs}
    queues = {
        precision: ov.AsyncInferQueue(core.compile_model(xml, device, compile_options(precision, "THROUGHPUT")))
        for precision, xml in irs.items()
    }
    for turn in range(rounds + 1):
        for precision, queue in queues.items():
            rate = _rate_in_parallel(queue, batches, seconds)
            if turn:
                rates[precision].append(rate)
    speeds = {}
    for precision in irs:
        p50, p95 = np.percentile(times[precision], [50, 95]) * 1000
        speeds[precision] = Speed(round(float(p50), 3), round(float(p95), 3), round(float(np.median(rates[precision])), 1))
    return speeds


def _time_one_by_one(request: Any, batches: Sequence[Pixels], seconds: float) -> list[float]:
    """Seconds each of a run of single inferences took."""
    times: list[float] = []
    while not times or sum(times) < seconds:
        batch = batches[len(times) % len(batches)]
        began = time.perf_counter()
        request.infer([batch])
        times.append(time.perf_counter() - began)
    return times


def _rate_in_parallel(queue: Any, batches: Sequence[Pixels], seconds: float) -> float:
    """Pictures a second with every request of the queue busy."""
    done = 0
    began = time.perf_counter()
    while done < len(queue) or time.perf_counter() - began < seconds:
        queue.start_async([batches[done % len(batches)]])
        done += 1
    queue.wait_all()
    return done / (time.perf_counter() - began)


def size_of(xml: Path) -> int:
    """Bytes of an IR: the graph and its weights."""
    return xml.stat().st_size + xml.with_suffix(".bin").stat().st_size


def recommend(rows: Sequence[ReportRow]) -> tuple[str, str]:
    """The precision to ship and a sentence that says why; FP32 must be among the rows.

    Of the rows that are as good as FP32 (accuracy at most MAX_DROP lower on at least MIN_AUDIT audit
    pictures, else answers equal on at least MIN_AGREEMENT of the pictures) the quickest; where
    latencies are within a tenth of each other, the smallest.
    """
    base = next(row for row in rows if row.precision == "FP32")
    judged = base.accuracy is not None and base.n >= MIN_AUDIT
    good = [row for row in rows if row is base or _as_good(row, base, judged=judged)]
    fastest = min(row.latency_p50_ms for row in good)
    pick = min((row for row in good if row.latency_p50_ms <= fastest * SAME_LATENCY), key=lambda row: row.size_bytes)
    refused = [row.precision for row in rows if row not in good]
    if judged:
        test = f"whose accuracy on {base.n} audit images is at most {MAX_DROP * 100:.0f} point below FP32's."
    else:
        test = (
            f"whose answers equal FP32's on at least {MIN_AGREEMENT * 100:.0f} % of {base.compared} images; "
            f"{base.n} audit images are too few to compare accuracy."
        )
    because = (
        f"{pick.precision}: {pick.latency_p50_ms:.1f} ms an image, {pick.size_bytes / 1e6:.1f} MB. "
        f"The quickest (the smallest of those equally quick) {test}"
    )
    return pick.precision, because + (f" {' and '.join(refused)} did not pass." if refused else "")


def _as_good(row: ReportRow, base: ReportRow, *, judged: bool) -> bool:
    if judged and row.accuracy is not None and base.accuracy is not None:
        return base.accuracy - row.accuracy <= MAX_DROP + 1e-9
    return row.agreement >= MIN_AGREEMENT
