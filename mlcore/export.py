"""From a project's model to a bundle: convert, quantise, check against torch, measure, choose, pack."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from mlcore import backbones, device, golden, heads
from mlcore.bundle import Papers, build_bundle
from mlcore.convert import Classifier, InputContract, describe, fold_preprocessing, to_openvino, torch_probabilities
from mlcore.edge.engine import ov
from mlcore.edge.kserve import served_name
from mlcore.edge.manifest import PRECISIONS, Label
from mlcore.edge.postprocess import rank
from mlcore.edge.preprocess import Pixels, UnreadableImage
from mlcore.export_judge import judge
from mlcore.export_pictures import Picture, content_hash, read_in_order, to_jpeg, to_pixels
from mlcore.measure import MAX_DROP, ReportRow, Runner, measure_speeds, recommend
from mlcore.measure_memory import measure_memory
from mlcore.onnx_export import NAME as ONNX_NAME
from mlcore.onnx_export import largest_difference, to_onnx
from mlcore.ovms import layout
from mlcore.quantise import MAX_VALIDATION, MOST_IMAGES, Labelled, Quantised, quantise_within

Arrays = Mapping[str, npt.NDArray[np.generic]]
Progress = Callable[[float, str], None]

# FP32 differs from torch by the order of additions only; more means that the conversion went wrong.
MAX_FP32_DIFF = 1e-3
# Pictures that the ONNX file answers before it is packed.
ONNX_COMPARED = 8

Thing = TypeVar("Thing")


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
    validation: Sequence[tuple[Picture, int]] = (),
    max_drop: float = MAX_DROP,
    out_dir: str | Path,
    progress: Progress = lambda fraction, message: None,
    should_stop: Callable[[], bool] = lambda: False,
    lineage: Mapping[str, Any] | None = None,
    file_name: str = "bundle.zip",
    tuned: Path | None = None,
    papers: Papers | None = None,
) -> ExportResult:
    """Make ``out_dir/file_name`` from a head and what it stands on.

    ``backbone`` is a name that `backbones.find` knows (``tuned``: the folder of fine-tuned ones),
    ``head_name`` a key of its registry; the states are what Projection.state and Head.state gave;
    ``class_names`` and ``class_colors`` (``#rrggbb``) are in the order of the head's classes.
    ``calibration``: pictures for INT8, at least one readable; what is also in ``audit`` is left out.
    ``audit``: pictures with the index of their true class; without any, accuracy is None. ``validation``:
    others with theirs, which INT8 may lose at most ``max_drop`` (a share, over 0) of accuracy on before layers of it
    go back to floating point; what is also in ``audit`` is left out.
    ``lineage`` (project, model_version, annotations_hash, created_at, metrics ...: what JSON can
    hold) goes into manifest and IRs; ``papers`` (who signs, the reference, facts for the model card)
    into the bundle. ``progress`` gets 0..1 and a sentence; ``should_stop`` is asked
    between steps.

    Raises ExportStopped, ExportProblem, OSError (disk full); in each case no file is left in ``out_dir``.
    """
    step = _Steps(progress, should_stop)
    if not 0 < max_drop <= 1:
        raise ExportProblem("max_drop, the accuracy that INT8 may lose, has to be over 0 and at most 1 (all); .01 is usual.")
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
    # An audit image that took part in the calibration or the check of INT8 would flatter its accuracy.
    allowed = [picture for picture in _thinned(calibration, MOST_IMAGES) if content_hash(picture) not in audit_hashes]
    pictures = [
        pixels
        for number, pixels in enumerate(read_in_order(allowed, contract.size))
        if step(0.03 + 0.05 * number / len(allowed), "Reading the images for calibration") and pixels is not None
    ]
    if not pictures:
        raise ExportProblem(
            "No image for calibration is left: add readable images that are not audit images, then export again."
        )
    unseen = [one for one in _thinned(validation, MAX_VALIDATION) if content_hash(one[0]) not in audit_hashes]
    labelled = [
        (pixels, truth)
        for pixels, (_, truth) in zip(read_in_order([picture for picture, _ in unseen], contract.size), unseen, strict=True)
        if step(0.08, "Reading the images that INT8 is checked on") and pixels is not None
    ]

    # Inside out_dir, so that whoever clears that after a killed process clears this too.
    Path(out_dir).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=out_dir) as folder:
        models, eight = _quantised(classifier, contract, pictures, labelled, max_drop, step)
        step(0.45, "Writing the models")
        irs = _save(models, contract, class_names, class_colors, full_lineage, Path(folder))
        runners = {precision: Runner(xml, precision) for precision, xml in irs.items()}
        judged = judge(classifier, contract, runners, audit, pictures, step)
        if judged.parity["FP32"].max_diff > MAX_FP32_DIFF:
            raise ExportProblem(
                f"The FP32 model differs from torch by {judged.parity['FP32'].max_diff:.4f}, more than rounding explains, "
                "so nothing was exported. Try other versions of openvino and torch."
            )
        step(0.8, "Timing each precision")
        speeds = measure_speeds(runners, pictures[:32])
        step(0.88, "Measuring memory")
        report = judged.rows(runners, speeds, measure_memory(irs), eight)
        recommended, because = recommend(report, max_drop)
        step(0.91, "Converting to ONNX")
        onnx = _onnx(classifier, contract, judged.reference, judged.pixels)
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
            expected=_expected(jpeg, runners, classifier, contract, class_names),
            backbone_licence=f"{spec.title} ({spec.licence}).",
            machine=_machine(),
            golden_images=golden.choose(allowed),
            papers=papers,
            extra_files={
                ONNX_NAME: onnx,
                **layout(irs[recommended], served_name(full_lineage), half=recommended != "FP32"),
            },
        )
    progress(1.0, "Done")
    return ExportResult(report, bundle.path, bundle.sha256, bundle.size, recommended, because, bundle.manifest)


class _Steps:
    """Says how far the export is, after asking whether it should go on."""

    def __init__(self, progress: Progress, should_stop: Callable[[], bool]) -> None:
        self._progress = progress
        self._should_stop = should_stop

    def __call__(self, fraction: float, message: str) -> bool:
        if self._should_stop():
            raise ExportStopped("The export was stopped.")
        self._progress(fraction, message)
        return True


def _quantised(
    classifier: Classifier,
    contract: InputContract,
    calibration: Sequence[Pixels],
    labelled: Sequence[Labelled],
    max_drop: float,
    step: _Steps,
) -> tuple[dict[str, ov.Model], Quantised]:
    """The network in each precision, not yet preprocessed, and how INT8 came about."""
    step(0.1, "Converting to OpenVINO")
    plain = to_openvino(classifier, contract.size)
    step(0.2, f"Quantising to INT8 with {len(calibration)} images")
    # Before the input contract is folded in: NNCF places its quantisers better on the plain network.
    eight = quantise_within(
        plain, calibration, contract, validation=labelled, max_drop=max_drop,
        heartbeat=lambda doing: step(0.4, doing),
    )  # fmt: skip
    return {"FP32": plain, "FP16": plain.clone(), "INT8": eight.model}, eight


def _save(
    models: Mapping[str, ov.Model],
    contract: InputContract,
    class_names: Sequence[str],
    class_colors: Sequence[str],
    lineage: Mapping[str, Any],
    folder: Path,
) -> dict[str, Path]:
    """Write an IR of each precision; returns their .xml files."""
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


def _onnx(
    classifier: Classifier, contract: InputContract, reference: npt.NDArray[np.float64], pixels: Sequence[Pixels]
) -> bytes:
    """The network as ONNX, held against torch's answers to a few pictures."""
    onnx = to_onnx(classifier, contract)
    few = min(ONNX_COMPARED, len(pixels))
    apart = largest_difference(onnx, reference[:few], np.stack(pixels[:few]))
    if apart > MAX_FP32_DIFF:
        raise ExportProblem(
            f"The ONNX model differs from torch by {apart:.4f}, more than rounding explains, so nothing was exported. "
            "Try other versions of onnx and torch."
        )
    return onnx


def _expected(
    jpeg: bytes,
    runners: Mapping[str, Runner],
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
        **{precision: listed(runner.probabilities(pixels)) for precision, runner in runners.items()},
    }


def _thinned(things: Sequence[Thing], most: int) -> Sequence[Thing]:
    """Every n-th, so that at most ``most`` are left."""
    return things[:: max(1, -(-len(things) // most))]


def _machine() -> str:
    features = ", ".join(device.cpu_features()) or "no vector extensions known"
    return f"{device.cpu_name_of_this_machine()} ({features})"
