"""Every precision over the audit pictures, through the IR itself, and against torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlcore.convert import Classifier, InputContract, Parity, parity, torch_probabilities
from mlcore.edge.preprocess import Pixels
from mlcore.evaluation import wilson
from mlcore.export_pictures import Picture, read_in_order
from mlcore.measure import ReportRow, Runner, Speed, size_of
from mlcore.quantise import Quantised

# Pictures that torch answers too; audit pictures first, then those of the calibration.
COMPARED = 64
# Pictures that torch answers at once.
_BATCH = 10


@dataclass(frozen=True)
class Judged:
    """What each precision got right of ``n`` audit pictures, and how it compares with torch on the first ``pixels``.

    ``reference``: torch's probabilities of these, (m, C).
    """

    n: int
    correct: Mapping[str, int]
    parity: Mapping[str, Parity]
    pixels: Sequence[Pixels]
    reference: npt.NDArray[np.float64]

    def rows(
        self,
        runners: Mapping[str, Runner],
        speeds: Mapping[str, Speed],
        memory: Mapping[str, int],
        eight: Quantised,
    ) -> list[ReportRow]:
        """The report, one row a precision."""
        rows = []
        for precision, runner in runners.items():
            same, speed = self.parity[precision], speeds[precision]
            low, high = wilson(self.correct[precision], self.n)
            rows.append(
                ReportRow(
                    precision=precision,
                    accuracy=self.correct[precision] / self.n if self.n else None,
                    low=low if self.n else None,
                    high=high if self.n else None,
                    n=self.n,
                    agreement=same.agreement,
                    max_diff=same.max_diff,
                    compared=same.n,
                    size_bytes=size_of(runner.xml),
                    latency_p50_ms=speed.latency_p50_ms,
                    latency_p95_ms=speed.latency_p95_ms,
                    throughput=speed.throughput,
                    throughput_one=speed.throughput_one,
                    streams=speed.streams,
                    memory_bytes=memory.get(precision),
                    computes_in=runner.computes_in,
                    kept=eight.kept if precision == "INT8" else (),
                    quantised=eight.note if precision == "INT8" else "",
                )
            )
        return rows


def judge(
    classifier: Classifier,
    contract: InputContract,
    runners: Mapping[str, Runner],
    audit: Sequence[tuple[Picture, int]],
    others: Sequence[Pixels],
    step: Callable[[float, str], object],
) -> Judged:
    """Let every precision answer the audit pictures, and torch the first COMPARED of them and then of ``others``."""
    compared: list[Pixels] = []
    found: dict[str, list[npt.NDArray[np.float64]]] = {precision: [] for precision in runners}
    correct = dict.fromkeys(runners, 0)
    judged = 0

    def answers(pixels: Pixels) -> dict[str, npt.NDArray[np.float64]]:
        result = {precision: runner.probabilities(pixels) for precision, runner in runners.items()}
        if len(compared) < COMPARED:
            compared.append(pixels)
            for precision, answer in result.items():
                found[precision].append(answer)
        return result

    pictures = read_in_order([picture for picture, _ in audit], contract.size)
    for number, (pixels, (_, truth)) in enumerate(zip(pictures, audit, strict=True)):
        step(0.5 + 0.2 * number / len(audit), f"Checking audit image {number + 1} of {len(audit)}")
        if pixels is None:
            continue
        judged += 1
        for precision, answer in answers(pixels).items():
            correct[precision] += int(answer.argmax() == truth)
    for pixels in others[: COMPARED - len(compared)]:
        step(0.7, "Comparing with torch")
        answers(pixels)
    reference = []
    for first in range(0, len(compared), _BATCH):
        step(0.7 + 0.1 * first / len(compared), "Comparing with torch")
        reference.append(torch_probabilities(classifier, np.stack(compared[first : first + _BATCH]), contract))
    torch_says = np.concatenate(reference)
    same = {precision: parity(torch_says, np.stack(answer)) for precision, answer in found.items()}
    return Judged(judged, correct, same, compared, torch_says)
