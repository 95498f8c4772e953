"""A bundle that was changed, cut off or made for another runtime is refused with a sentence."""

import json
import shutil
from pathlib import Path

import pytest

from mlcore.edge.manifest import BundleProblem
from mlcore.edge.runtime import Model


def refusal(bundle: Path, precision: str | None = None) -> str:
    with pytest.raises(BundleProblem) as caught:
        Model(bundle, precision)
    return str(caught.value)


def change_manifest(bundle: Path, **changes) -> None:
    path = bundle / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    "name", ["fp16/model.bin", "fp16/model.xml", "labels.json", "mlcore/edge/runtime.py", "run.py", "fp32/model.bin"]
)
def test_one_changed_byte_is_found(bundle, name):
    data = bytearray((bundle / name).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / name).write_bytes(data)
    assert name in refusal(bundle)
    assert "SHA-256 differs" in refusal(bundle)


def test_a_cut_off_file_is_found(bundle):
    path = bundle / "fp16/model.xml"
    path.write_bytes(path.read_bytes()[:-10])
    assert "fp16/model.xml is not the file that the bundle was made with" in refusal(bundle)


def test_a_missing_file_is_named(bundle):
    (bundle / "fp16/model.bin").unlink()
    assert "fp16/model.bin is missing" in refusal(bundle)
    (bundle / "labels.json").unlink()
    assert "labels.json is missing" in refusal(bundle)


def test_precisions_that_are_not_used_may_be_deleted(bundle):
    shutil.rmtree(bundle / "fp32")
    shutil.rmtree(bundle / "int8")
    assert Model(bundle).precision == "FP16"
    assert "fp32/model" in refusal(bundle, "FP32")


def test_half_deleted_precisions_are_found(bundle):
    (bundle / "fp32/model.bin").unlink()
    assert "fp32/model.bin is missing" in refusal(bundle)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..\\x", "C:/x", ""])
def test_names_that_lead_out_of_the_bundle_are_refused(bundle, name):
    files = json.loads((bundle / "manifest.json").read_text())["files"]
    change_manifest(bundle, files={**files, name: {"sha256": "0" * 64, "size": 1}})
    assert "outside the bundle" in refusal(bundle)


def test_a_newer_format_asks_for_its_own_runtime(bundle):
    change_manifest(bundle, format_version=99)
    assert "format 99" in refusal(bundle)


def test_a_manifest_of_something_else_is_refused(bundle):
    change_manifest(bundle, format="other")
    assert "not of an edge-annotator-bundle" in refusal(bundle)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": "edge-annotator-bundle", "format_version": "1"}'])
def test_a_broken_manifest_is_refused(bundle, text):
    (bundle / "manifest.json").write_text(text)
    assert "manifest.json" in refusal(bundle)


def test_a_zip_is_to_be_unpacked_first(colour_zip):
    assert "unpack the zip" in refusal(colour_zip)


def test_a_wrong_folder_is_named(tmp_path):
    assert "manifest.json is missing" in refusal(tmp_path)
    assert "is not a folder" in refusal(tmp_path / "nothing")
