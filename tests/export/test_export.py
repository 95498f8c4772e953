"""From a head to a bundle: what comes out, and that nothing stays behind when it does not."""

import dataclasses
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from PIL import Image

from mlcore import export, export_judge
from mlcore.backbones import REGISTRY
from mlcore.edge.manifest import digest
from mlcore.edge.runtime import Model
from mlcore.export import ExportProblem, ExportResult, ExportStopped, export_classifier
from mlcore.quantise import Quantised
from tests.export.moment import time_for_a_moment
from tests.export.tiny import jpeg, unpack


@dataclass
class Exported:
    """One export, what it was asked for, what it told on the way, and its bundle unpacked."""

    arguments: dict[str, Any]
    result: ExportResult
    told: list[tuple[float, str]]
    folder: Path


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Time for a moment only; the numbers are not looked at."""
    with pytest.MonkeyPatch.context() as patch:
        time_for_a_moment(patch)
        yield


@pytest.fixture(scope="module")
def exported(tiny_learnt, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    exif[0x0112] = 6
    sample = io.BytesIO()
    Image.new("RGB", (2000, 1000), "red").save(sample, "JPEG", exif=exif, comment=b"secret")
    told: list[tuple[float, str]] = []
    arguments = tiny_learnt.arguments(
        out_dir=folder / "out", sample=sample.getvalue(), progress=lambda *step: told.append(step)
    )
    result = export_classifier(**arguments)
    return Exported(arguments, result, told, unpack(result.path, folder / "unpacked"))


def test_the_report_tells_accuracy_on_audit_images_and_parity(exported):
    result = exported.result
    assert [row.precision for row in result.report] == ["FP32", "FP16", "INT8"]
    for row in result.report:
        assert row.n == len(exported.arguments["audit"])
        assert row.low <= row.accuracy <= row.high
        assert row.latency_p50_ms <= row.latency_p95_ms
        assert row.size_bytes > 0
        assert row.throughput > 0
    exact = result.report[0]
    assert exact.max_diff < 1e-4
    assert exact.agreement == 1
    assert result.recommended in ("FP32", "FP16", "INT8")


def test_the_bundle_is_the_only_file(exported):
    result = exported.result
    assert list(exported.arguments["out_dir"].iterdir()) == [result.path]
    assert result.path.name == "bundle.zip"
    assert result.size == result.path.stat().st_size
    assert result.sha256 == digest(result.path)


def test_accuracy_is_the_share_of_audit_images_that_the_bundle_gets_right(exported):
    model = Model(exported.folder, "FP32")
    right = [model.predict(path)[0].index == truth for path, truth in exported.arguments["audit"]]
    assert exported.result.report[0].accuracy == pytest.approx(np.mean(right))


def test_the_lineage_is_in_manifest_and_models(exported):
    manifest = exported.result.manifest
    assert manifest["lineage"]["model_version"] == 3
    assert manifest["lineage"]["backbone"] == "tiny"
    for precision in ("FP32", "FP16", "INT8"):
        read = ov.Core().read_model(exported.folder / precision.lower() / "model.xml")
        assert read.get_rt_info(["model_info", "edge_annotator_annotations_hash"]).astype(str) == "ab" * 32
        assert read.get_rt_info(["model_info", "edge_annotator_precision"]).astype(str) == precision
        assert read.get_rt_info(["model_info", "model_type"]).astype(str) == "Classification"


def test_the_answers_to_the_sample_come_along(exported):
    expected = json.loads((exported.folder / "expected.json").read_text())
    for precision in ("FP32", "FP16", "INT8"):
        found = Model(exported.folder, precision).predict(exported.folder / "sample.jpg")
        assert [one.label for one in found] == [one["label"] for one in expected[precision]]
        for one, wanted in zip(found, expected[precision], strict=True):
            assert one.confidence == pytest.approx(wanted["confidence"], abs=1e-4)


def test_the_sample_leaves_upright_small_and_without_its_metadata(exported):
    data = (exported.folder / "sample.jpg").read_bytes()
    assert b"taken at home" not in data
    assert b"secret" not in data
    assert Image.open(io.BytesIO(data)).size == (512, 1024)


def test_progress_rises_to_one(exported):
    fractions = [fraction for fraction, _ in exported.told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
    assert all(message for _, message in exported.told)


def test_without_audit_images_accuracy_is_none(tiny_learnt, tmp_path):
    result = export_classifier(**tiny_learnt.arguments(out_dir=tmp_path, audit=[]))
    for row in result.report:
        assert (row.accuracy, row.low, row.high, row.n) == (None, None, None, 0)
        assert row.compared > 0


def refusal(tmp_path, arguments) -> str:
    with pytest.raises(ExportProblem) as caught:
        export_classifier(**arguments, out_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []
    return str(caught.value)


def calibrated_with(monkeypatch) -> list[int]:
    """Skips the quantising, and collects how many pictures it was given."""
    seen: list[int] = []

    def pretend(model, pictures, contract, **rest):
        seen.append(len(pictures))
        return Quantised(model.clone(), (), "Not quantised.", None, 0)

    monkeypatch.setattr(export, "quantise_within", pretend)
    return seen


def test_audit_images_are_never_calibrated_with_under_whatever_name(tiny_learnt, tmp_path, monkeypatch):
    seen = calibrated_with(monkeypatch)
    arguments = tiny_learnt.arguments(out_dir=tmp_path)
    audit = [path for path, _ in arguments["audit"]]
    arguments["calibration"] = [*arguments["calibration"][:5], audit[0], Path(audit[1]).read_bytes()]
    export_classifier(**arguments)
    assert seen == [5]


def test_with_audit_images_only_there_is_nothing_to_calibrate_with(tiny_learnt, tmp_path):
    arguments = tiny_learnt.arguments()
    arguments["calibration"] = [path for path, _ in arguments["audit"]]
    assert "No image for calibration is left" in refusal(tmp_path, arguments)


def test_names_that_do_not_fit_the_head_are_refused(tiny_learnt, tmp_path):
    arguments = tiny_learnt.arguments(class_names=["one"])
    assert "1 names" in refusal(tmp_path, arguments)


def test_missing_weights_are_told_with_the_mend(tiny_learnt, tmp_path, monkeypatch):
    gone = dataclasses.replace(REGISTRY["tiny"], find_weights=lambda: None, how_to_get="Run `pip install tiny`.")
    monkeypatch.setitem(REGISTRY, "tiny", gone)
    assert "pip install tiny" in refusal(tmp_path, tiny_learnt.arguments())


def test_bad_images_are_passed_over_unless_nothing_is_left(tiny_learnt, tmp_path):
    arguments = tiny_learnt.arguments()
    arguments["calibration"] += [b"", b"no picture", "gone.jpg"]
    arguments["audit"] += [(b"no picture either", 0)]
    result = export_classifier(**arguments, out_dir=tmp_path / "out")
    assert result.report[0].n == len(arguments["audit"]) - 1
    (tmp_path / "empty").mkdir()
    assert "No image for calibration" in refusal(tmp_path / "empty", {**arguments, "calibration": [b"no picture"]})
    assert "sample" in refusal(tmp_path / "empty", {**arguments, "sample": b"no picture"})


@pytest.mark.parametrize("after", [1, 4, 30, 60])
def test_it_stops_when_asked_and_leaves_nothing(tiny_learnt, tmp_path, after):
    asked = []

    def should_stop() -> bool:
        asked.append(1)
        return len(asked) >= after

    with pytest.raises(ExportStopped):
        export_classifier(**tiny_learnt.arguments(out_dir=tmp_path, should_stop=should_stop))
    assert len(asked) == after
    assert list(tmp_path.iterdir()) == []


def test_a_conversion_gone_wrong_is_refused(tiny_learnt, tmp_path, monkeypatch):
    monkeypatch.setattr(
        export_judge,
        "torch_probabilities",
        lambda classifier, pixels, contract: np.eye(50)[: len(pixels), : len(tiny_learnt.names)],
    )
    assert "differs from torch" in refusal(tmp_path, tiny_learnt.arguments())


def test_more_calibration_images_than_needed_are_thinned_out(tiny_learnt, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "MOST_IMAGES", 10)
    seen = calibrated_with(monkeypatch)
    colours = [jpeg((i * 5 % 256, 0, 0)) for i in range(34)]
    export_classifier(**tiny_learnt.arguments(out_dir=tmp_path, calibration=colours))
    assert seen == [9]
