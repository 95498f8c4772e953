"""From a project's model to a bundle: convert, quantise, check against torch, measure, choose, pack."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlcore import backbones, device, heads
from mlcore.bundle import build_bundle
from mlcore.convert import (
    Classifier,
    InputContract,
    describe,
    fold_preprocessing,
    parity,
    to_openvino,
    torch_probabilities,
)
from mlcore.edge.engine import ov
from mlcore.edge.manifest import PRECISIONS, Label
from mlcore.edge.postprocess import rank
from mlcore.edge.preprocess import Pixels, UnreadableImage
from mlcore.evaluation import wilson
from mlcore.export_pictures import Picture, content_hash, to_jpeg, to_pixels
from mlcore.measure import ReportRow, Runner, measure_speeds, recommend, size_of
from mlcore.quantise import MOST_IMAGES, quantise

Arrays = Mapping[str, npt.NDArray[np.generic]]
Progress = Callable[[float, str], None]

# Pictures that torch answers too; audit pictures first, then those of the calibration.
COMPARED = 100
# FP32 differs from torch by the order of additions only; more means that the conversion went wrong.
MAX_FP32_DIFF = 1e-3


class ExportProblem(ValueError):
    """The export cannot be made; the message is a sentence with the mend."""


class ExportStopped(Exception):
    """Somebody asked to stop; nothing was left behind."""


@dataclass(frozen=True)
class ExportResult:
    """A finished export: the report, one row a precision, and the bundle (SHA-256 in hex, size in bytes)."""

    report: list[ReportRow]
    path: Path
    sha256: str
    size: int
    recommended: str
    recommended_because: str
    manifest: dict[str, Any]


def export_classifier(
    *,
    backbone: str,
    projection_state: Arrays,
    head_name: str,
    head_state: Arrays,
    class_names: Sequence[str],
    class_colors: Sequence[str],
    calibration: Sequence[Picture],
    audit: Sequence[tuple[Picture, int]],
    sample: Picture,
    out_dir: str | Path,
    progress: Progress = lambda fraction, message: None,
    should_stop: Callable[[], bool] = lambda: False,
    lineage: Mapping[str, Any] | None = None,
    file_name: str = "bundle.zip",
    tuned: Path | None = None,
) -> ExportResult:
    """Make ``out_dir/file_name`` from a head and what it stands on.

    ``backbone`` is a name that `backbones.find` knows (``tuned``: the folder of fine-tuned ones),
    ``head_name`` a key of its registry; the states are what Projection.state and Head.state gave;
    ``class_names`` and ``class_colors`` (``#rrggbb``) are in the order of the head's classes.
    ``calibration``: pictures for INT8, at least one readable; what is also in ``audit`` is left out.
    ``audit``: pictures with the index of their true class; without any, accuracy is None.
    ``lineage`` (project, model_version, annotations_hash, created_at, metrics ...: what JSON can
    hold) goes into manifest and IRs. ``progress`` gets 0..1 and a sentence; ``should_stop`` is asked
    between steps.

    Raises ExportStopped, ExportProblem, OSError (disk full); in each case no file is left in ``out_dir``.
    """
    step = _Steps(progress, should_stop)
    step(0.0, "Loading the model")
    try:
        spec = backbones.find(backbone, tuned)
    except ValueError as problem:
        raise ExportProblem(str(problem)) from problem
    contract = InputContract(spec.input_size, spec.mean, spec.scale)
    head = heads.REGISTRY[head_name].from_state(dict(head_state))
    if not head.exportable:
        raise ExportProblem(f"The head {head_name} cannot leave for a device; choose another in the project's settings.")
    try:
        classifier = Classifier(spec.module(), projection_state, head.to_linear())
    except backbones.BackboneMissing as problem:
        raise ExportProblem(str(problem)) from problem
    if not len(class_names) == len(class_colors) == classifier.head.classes:
        raise ExportProblem(
            f"The model has {classifier.head.classes} classes, but {len(class_names)} names and "
            f"{len(class_colors)} colours were given; learn once more and export again."
        )
    full_lineage = {**(lineage or {}), "backbone": backbone, "head": head_name}

    step(0.03, "Reading the images for calibration")
    try:
        jpeg = to_jpeg(sample)
    except UnreadableImage as problem:
        raise ExportProblem(f"The sample image cannot be used. {problem.message}") from problem
    audit_hashes = {content_hash(picture) for picture, _ in audit}
    chosen = calibration[:: max(1, -(-len(calibration) // MOST_IMAGES))]
    # An audit image that took part in the calibration would flatter the accuracy of INT8.
    allowed = [picture for picture in chosen if content_hash(picture) not in audit_hashes]
    pictures = _readable(allowed, contract.size, step)
    if not pictures:
        raise ExportProblem(
            "No image for calibration is left: add readable images that are not audit images, then export again."
        )

    # Inside out_dir, so that whoever clears that after a killed process clears this too.
    Path(out_dir).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=out_dir) as folder:
        irs = _convert(classifier, contract, pictures, class_names, class_colors, full_lineage, Path(folder), step)
        report = _judge(classifier, contract, irs, audit, pictures, step)
        if report[0].max_diff > MAX_FP32_DIFF:
            raise ExportProblem(
                f"The FP32 model differs from torch by {report[0].max_diff:.4f}, more than rounding explains, "
                "so nothing was exported. Try other versions of openvino and torch."
            )
        recommended, because = recommend(report)
        step(0.95, "Packing the bundle")
        bundle = build_bundle(
            out_path=Path(out_dir) / file_name,
            irs=irs,
            labels=[Label(*pair) for pair in zip(class_names, class_colors, strict=True)],
            contract=contract,
            lineage=full_lineage,
            report=report,
            recommended=recommended,
            recommended_because=because,
            sample_image=jpeg,
            expected=_expected(jpeg, irs, classifier, contract, class_names),
            backbone_licence=f"{spec.title} ({spec.licence}).",
            machine=_machine(),
        )
    progress(1.0, "Done")
    return ExportResult(report, bundle.path, bundle.sha256, bundle.size, recommended, because, bundle.manifest)


class _Steps:
    """Says how far the export is, after asking whether it should go on."""

    def __init__(self, progress: Progress, should_stop: Callable[[], bool]) -> None:
        self._progress = progress
        self._should_stop = should_stop

    def __call__(self, fraction: float, message: str) -> None:
        if self._should_stop():
            raise ExportStopped("The export was stopped.")
        self._progress(fraction, message)


def _convert(
    classifier: Classifier,
    contract: InputContract,
    calibration: Sequence[Pixels],
    class_names: Sequence[str],
    class_colors: Sequence[str],
    lineage: Mapping[str, Any],
    folder: Path,
    step: _Steps,
) -> dict[str, Path]:
    """Save an IR of each precision; returns their .xml files."""
    step(0.1, "Converting to OpenVINO")
    plain = to_openvino(classifier, contract.size)
    step(0.2, f"Quantising to INT8 with {len(calibration)} images")
    # Before the input contract is folded in: NNCF places its quantisers better on the plain network.
    models = {"FP32": plain, "FP16": plain.clone(), "INT8": quantise(plain, calibration, contract)}
    step(0.45, "Writing the models")
    irs: dict[str, Path] = {}
    for precision in PRECISIONS:
        model = fold_preprocessing(models[precision], contract)
        describe(
            model,
            class_names=class_names,
            class_colors=class_colors,
            size=contract.size,
            lineage={**lineage, "precision": precision},
        )
        irs[precision] = folder / precision.lower() / "model.xml"
        ov.save_model(model, irs[precision], compress_to_fp16=precision != "FP32")
    return irs


def _judge(
    classifier: Classifier,
    contract: InputContract,
    irs: Mapping[str, Path],
    audit: Sequence[tuple[Picture, int]],
    calibration: Sequence[Pixels],
    step: _Steps,
) -> list[ReportRow]:
    """Run every precision over the audit pictures, torch over the first of them, and time each."""
    runners = {precision: Runner(xml, precision) for precision, xml in irs.items()}
    reference: list[npt.NDArray[np.float64]] = []
    found: dict[str, list[npt.NDArray[np.float64]]] = {precision: [] for precision in irs}
    correct = dict.fromkeys(irs, 0)
    judged = 0

    def compare(pixels: Pixels) -> dict[str, npt.NDArray[np.float64]]:
        answers = {precision: runner.probabilities(pixels) for precision, runner in runners.items()}
        if len(reference) < COMPARED:
            reference.append(torch_probabilities(classifier, pixels[None], contract)[0])
            for precision, answer in answers.items():
                found[precision].append(answer)
        return answers

    for number, (picture, truth) in enumerate(audit):
        step(0.5 + 0.25 * number / len(audit), f"Checking audit image {number + 1} of {len(audit)}")
        try:
            pixels = to_pixels(picture, contract.size)
        except UnreadableImage:
            continue
        judged += 1
        for precision, answer in compare(pixels).items():
            correct[precision] += int(answer.argmax() == truth)
    for number, pixels in enumerate(calibration[: COMPARED - len(reference)]):
        step(0.75 + 0.001 * number, "Comparing with torch")
        compare(pixels)

    step(0.85, "Timing each precision")
    speeds = measure_speeds(irs, calibration[:32])
    rows = []
    for precision, xml in irs.items():
        same = parity(np.stack(reference), np.stack(found[precision]))
        speed = speeds[precision]
        low, high = wilson(correct[precision], judged)
        rows.append(
            ReportRow(
                precision=precision,
                accuracy=correct[precision] / judged if judged else None,
                low=low if judged else None,
                high=high if judged else None,
                n=judged,
                agreement=same.agreement,
                max_diff=same.max_diff,
                compared=same.n,
                size_bytes=size_of(xml),
                latency_p50_ms=speed.latency_p50_ms,
                latency_p95_ms=speed.latency_p95_ms,
                throughput=speed.throughput,
            )
        )
    return rows


def _expected(
    jpeg: bytes,
    irs: Mapping[str, Path],
    classifier: Classifier,
    contract: InputContract,
    class_names: Sequence[str],
) -> dict[str, Any]:
    """The answers to the sample picture, each class with its probability, best first."""
    pixels = to_pixels(jpeg, contract.size)

    def listed(probabilities: npt.NDArray[np.float64]) -> list[dict[str, Any]]:
        return [{"label": one.label, "confidence": round(one.confidence, 6)} for one in rank(probabilities, class_names)]

    return {
        "image": "sample.jpg",
        "torch": listed(torch_probabilities(classifier, pixels[None], contract)[0]),
        **{precision: listed(Runner(xml, precision).probabilities(pixels)) for precision, xml in irs.items()},
    }


def _readable(pictures: Sequence[Picture], size: int, step: _Steps) -> list[Pixels]:
    """The pictures as the network sees them, without those that cannot be read."""
    result: list[Pixels] = []
    for number, picture in enumerate(pictures):
        step(0.03 + 0.07 * number / len(pictures), "Reading the images for calibration")
        try:
            result.append(to_pixels(picture, size))
        except UnreadableImage:
            continue
    return result


def _machine() -> str:
    features = ", ".join(device.cpu_features()) or "no vector extensions known"
    return f"{device.cpu_name_of_this_machine()} ({features})"
