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
from mlcore.quantise import points

# A smaller model may lose this share of accuracy against FP32 and still be recommended, unless somebody says otherwise.
MAX_DROP = 0.01
# Fewer audit pictures than this say too little, so agreement with FP32 decides instead.
MIN_AUDIT = 100
MIN_AGREEMENT = 0.98
# Latencies closer than this are the same; then the smaller file wins.
SAME_LATENCY = 1.10


@dataclass(frozen=True)
class Speed:
    """From pixels to logits at batch 1: milliseconds and pictures a second one after the other (LATENCY hint, one stream),
    and pictures a second in as many streams as OpenVINO chooses (THROUGHPUT hint)."""

    latency_p50_ms: float
    latency_p95_ms: float
    throughput_one: float
    throughput: float
    streams: int


@dataclass(frozen=True)
class ReportRow:
    """One precision of the report.

    accuracy with its Wilson interval low..high on n audit pictures, through the IR itself (None when
    n is 0); agreement (share of equal answers) and max_diff (largest difference of any probability)
    against torch on ``compared`` pictures; size of model.xml and model.bin together; throughput in ``streams``
    streams, throughput_one in one; memory_bytes that a process grows by when it loads and runs it (None when not
    measured); computes_in: how this machine computes what is not in 8 bits (f32, bf16, f16; empty when not known);
    kept: layers that INT8 left in floating point to hold its accuracy, and quantised: a sentence on how it came about.
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
    throughput_one: float | None = None
    streams: int | None = None
    memory_bytes: int | None = None
    computes_in: str = ""
    kept: tuple[str, ...] = ()
    quantised: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "kept": list(self.kept)}


class Runner:
    """An IR compiled as the edge runtime compiles it, that says probabilities of one picture at a time."""

    def __init__(self, xml: Path, precision: str, device: str = "CPU") -> None:
        self.xml, self.precision, self.device = xml, precision, device
        options: dict[str, str] = compile_options(precision)
        if precision == "FP32" and device == "CPU":
            options = {**options, "INFERENCE_PRECISION_HINT": "f32"}
        compiled = ov.Core().compile_model(xml, device, options)
        self.computes_in = str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())
        self.request = compiled.create_infer_request()

    def probabilities(self, pixels: Pixels) -> npt.NDArray[np.float64]:
        """uint8 (s, s, 3) to probabilities (C,)."""
        return softmax(self.logits(pixels))

    def logits(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """uint8 (s, s, 3) to what the network says of the classes, (C,)."""
        self.request.infer([pixels[None]], share_inputs=True)
        logits: npt.NDArray[np.float32] = self.request.get_tensor(LOGITS).data[0].astype(np.float32)
        return logits


def measure_speeds(
    runners: Mapping[str, Runner], pictures: Sequence[Pixels], *, rounds: int = 8, seconds: float = 0.1
) -> dict[str, Speed]:
    """Time networks on real pictures, uint8 (s, s, 3) each, with nothing but the network between two clocks.

    They take turns, ``seconds`` each for every hint in each of ``rounds`` rounds, so that whatever else
    the machine does in between hits all of them alike.
    """
    batches = [picture[None] for picture in pictures]
    times: dict[str, list[float]] = {precision: [] for precision in runners}
    for turn in range(rounds + 1):
        for precision, runner in runners.items():
            taken = _time_one_by_one(runner.request, batches, seconds)
            if turn:  # the first round only warms up
                times[precision] += taken

    rates: dict[str, list[float]] = {precision: [] for precision in runners}
    core = ov.Core()
    many = {
        precision: core.compile_model(runner.xml, runner.device, compile_options(precision, "THROUGHPUT"))
        for precision, runner in runners.items()
    }
    queues = {precision: ov.AsyncInferQueue(compiled) for precision, compiled in many.items()}
    for turn in range(rounds + 1):
        for precision, queue in queues.items():
            rate = _rate_in_parallel(queue, batches, seconds)
            if turn:
                rates[precision].append(rate)
    speeds = {}
    for precision, compiled in many.items():
        p50, p95 = np.percentile(times[precision], [50, 95])
        speeds[precision] = Speed(
            latency_p50_ms=round(float(p50) * 1000, 3),
            latency_p95_ms=round(float(p95) * 1000, 3),
            throughput_one=round(1 / float(np.mean(times[precision])), 1),
            throughput=round(float(np.median(rates[precision])), 1),
            streams=int(compiled.get_property("NUM_STREAMS")),
        )
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


def recommend(rows: Sequence[ReportRow], max_drop: float = MAX_DROP) -> tuple[str, str]:
    """The precision to ship and a sentence that says why; FP32 must be among the rows.

    Of the rows that are as good as FP32 (accuracy at most ``max_drop`` lower on at least MIN_AUDIT audit
    pictures, else answers equal on at least MIN_AGREEMENT of the pictures) the quickest; where
    latencies are within a tenth of each other, the smallest.
    """
    base = next(row for row in rows if row.precision == "FP32")
    judged = base.accuracy is not None and base.n >= MIN_AUDIT
    good = [row for row in rows if row is base or _as_good(row, base, max_drop if judged else None)]
    fastest = min(row.latency_p50_ms for row in good)
    pick = min((row for row in good if row.latency_p50_ms <= fastest * SAME_LATENCY), key=lambda row: row.size_bytes)
    refused = [row.precision for row in rows if row not in good]
    if judged:
        test = f"whose accuracy on {base.n} audit images is at most {points(max_drop)} below FP32's."
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


def _as_good(row: ReportRow, base: ReportRow, max_drop: float | None) -> bool:
    if max_drop is not None and row.accuracy is not None and base.accuracy is not None:
        return base.accuracy - row.accuracy <= max_drop + 1e-9
    return row.agreement >= MIN_AGREEMENT
