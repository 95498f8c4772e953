"""What is in the zip, and that it is whole or not there."""

import ast
import hashlib
import importlib.metadata
import json
import zipfile
from pathlib import Path

import pytest

from mlcore.edge.manifest import Label
from tests.export.tiny import build_colour_bundle, row

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def info(tmp_path_factory):
    return build_colour_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def archive(info):
    with zipfile.ZipFile(info.path) as archive:
        yield archive


def test_everything_a_device_needs_is_inside(archive):
    names = set(archive.namelist())
    for folder in ("fp32", "fp16", "int8"):
        assert {f"{folder}/model.xml", f"{folder}/model.bin"} <= names
    assert {
        "labels.json",
        "manifest.json",
        "requirements.txt",
        "run.py",
        "README.md",
        "LICENSE",
        "NOTICE",
        "MODEL_CARD.md",
        "Dockerfile",
        "edge-annotator.service",
        "sample.jpg",
        "expected.json",
        "mlcore/__init__.py",
    } <= names
    sources = [path for path in (ROOT / "mlcore" / "edge").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    runtime = {path.relative_to(ROOT).as_posix() for path in sources}
    assert {name for name in names if name.startswith("mlcore/edge/")} == runtime


def test_the_manifest_names_size_and_hash_of_every_other_file(archive):
    files = json.loads(archive.read("manifest.json"))["files"]
    assert set(files) == set(archive.namelist()) - {"manifest.json"}
    for name, entry in files.items():
        data = archive.read(name)
        assert entry == {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def test_the_manifest_says_where_it_comes_from_and_what_goes_in(archive):
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["lineage"] == {"project": "Colours", "model_version": 7, "annotations_hash": "ab" * 32}
    assert manifest["recommended"] == "FP16"
    assert [row["precision"] for row in manifest["report"]] == ["FP32", "FP16", "INT8"]
    wanted = {"width": 32, "height": 32, "channels": 3, "type": "u8", "layout": "NHWC", "color": "RGB"}
    assert wanted.items() <= manifest["input"].items()
    assert manifest["software"]["openvino"] == importlib.metadata.version("openvino")


def test_labels_keep_their_names_and_colours(archive):
    labels = json.loads(archive.read("labels.json"))["labels"]
    assert labels[2] == {"name": "deep blue", "color": "#0000ff"}


def test_requirements_are_pinned_to_what_was_measured(archive):
    lines = archive.read("requirements.txt").decode().split()
    wanted = ("numpy", "openvino", "pillow", "cryptography")
    assert lines == [f"{name}=={importlib.metadata.version(name)}" for name in wanted]


def test_the_runtime_reads_as_the_python_that_it_asks_for(archive):
    for name in archive.namelist():
        if name.endswith(".py"):
            ast.parse(archive.read(name), name, feature_version=(3, 11))


def test_the_licence_is_the_project_s(archive):
    assert archive.read("LICENSE") == (ROOT / "LICENSE").read_bytes()


def test_the_readme_shows_the_numbers(archive):
    text = archive.read("README.md").decode()
    assert "# Colours" in text
    assert "red, green, deep blue" in text
    assert "| INT8 | 0.900 (0.850-0.930) | 1.000 |" in text
    assert "Recommended: **FP16**" in text
    assert "$" not in text


def test_names_cannot_disturb_the_readme(tmp_path):
    labels = [Label("${title} {0} %s", "#000000")]
    info = build_colour_bundle(tmp_path, labels=labels, lineage={"project": "$because"})
    with zipfile.ZipFile(info.path) as archive:
        assert "# $because" in archive.read("README.md").decode()


def test_without_audit_images_it_says_so(tmp_path):
    none = {"accuracy": None, "low": None, "high": None, "n": 0}
    info = build_colour_bundle(tmp_path, report=[row("FP32", **none)])
    with zipfile.ZipFile(info.path) as archive:
        assert "Accuracy was not measured" in archive.read("README.md").decode()
        assert json.loads(archive.read("manifest.json"))["report"][0]["accuracy"] is None


def test_the_same_content_gives_the_same_bytes(info, tmp_path):
    irs = {name: info.path.parent / name / "model.xml" for name in ("FP32", "FP16", "INT8")}
    again = build_colour_bundle(tmp_path, irs=irs)
    assert again.path.read_bytes() == info.path.read_bytes()
    assert again.sha256 == info.sha256 == hashlib.sha256(info.path.read_bytes()).hexdigest()
    assert again.size == info.path.stat().st_size
    with zipfile.ZipFile(again.path) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_full_disk_leaves_neither_half_a_zip_nor_a_spoiled_old_one(tmp_path, monkeypatch):
    whole = build_colour_bundle(tmp_path).path.read_bytes()
    written = []

    def fill_up(self, entry, data):
        written.append(entry)
        if len(written) > 4:
            raise OSError(28, "No space left on device")
        return original(self, entry, data)

    original = zipfile.ZipFile.writestr
    monkeypatch.setattr(zipfile.ZipFile, "writestr", fill_up)
    with pytest.raises(OSError, match="No space left"):
        build_colour_bundle(tmp_path)
    assert (tmp_path / "bundle.zip").read_bytes() == whole
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["bundle.zip"]
