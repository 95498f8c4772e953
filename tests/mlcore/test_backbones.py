"""Pictures become the features that the original network gives, in order, whatever some of the files are."""

import io
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mlcore import backbones
from mlcore.backbones import REGISTRY, BackboneMissing, ir
from mlcore.backbones import __main__ as ahead
from mlcore.backbones.extractor import BATCH
from mlcore.backbones.ir import cached_ir
from mlcore.backbones.quickest import Way, read
from mlcore.device import pick
from mlcore.edge import engine
from mlcore.edge.preprocess import UnreadableImage, load_rgb, to_input

AVAILABLE = [name for name, backbone in REGISTRY.items() if backbone.available()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ir")


@pytest.fixture(scope="module")
def lite0(folder):
    return backbones.extractor("lite0", threads=2, folder=folder)


@pytest.fixture(scope="module")
def files(photos) -> list[Path]:
    return sorted(path for path in photos.glob("*/*") if path.suffix in {".jpg", ".png"})[:: max(1, BATCH)][: 2 * BATCH + 3]


def test_the_default_is_here_without_a_download():
    assert REGISTRY[backbones.DEFAULT].available()


@pytest.mark.parametrize("name", REGISTRY)
def test_every_backbone_says_where_it_comes_from(name):
    backbone = REGISTRY[name]
    assert backbone.name == name
    assert backbone.title
    assert backbone.licence
    assert backbone.how_to_get.endswith(".")


@pytest.mark.parametrize("name", AVAILABLE)
def test_features_are_those_of_the_torch_network(name, folder):
    backbone = REGISTRY[name]
    size = backbone.input_size
    cpu = pick("cpu")
    exact = backbones.Extractor(
        backbone, device=type(cpu)(**{**vars(cpu), "openvino_precision": "f32"}), threads=1, folder=folder
    )
    pixels = np.random.default_rng(0).integers(0, 256, (3, size, size, 3), np.uint8)
    normalised = (torch.from_numpy(pixels).float() - torch.tensor(backbone.mean)) / torch.tensor(backbone.scale)
    with torch.inference_mode():
        expected = backbone.module()(normalised.permute(0, 3, 1, 2)).numpy()
    found = exact.embed(pixels)
    assert found.shape == expected.shape == (3, backbone.dim)
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


@pytest.mark.skipif("avx2" not in pick("cpu").cpu_features, reason="there are no such kernels here")
def test_features_are_the_same_by_kernels_that_have_to_be_asked_for(folder, lite0):
    core, path = engine.ov.Core(), cached_ir(REGISTRY["lite0"], lite0.precision, folder)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
    usual, other = (
        core.compile_model(read(core, path, blocked=blocked), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(pixels)[0]
        for blocked in (False, True)
    )
    np.testing.assert_allclose(other, usual, atol=1e-4 * np.abs(usual).max())


def test_files_become_features_in_their_order(lite0, files):
    found = list(lite0.embed_sources(files))
    assert [index for index, _ in found] == list(range(len(files)))
    for index in (0, len(files) // 2, len(files) - 1):
        alone = lite0.embed(to_input(load_rgb(files[index]))[None])[0]
        np.testing.assert_allclose(found[index][1], alone, atol=1e-2 * np.abs(alone).max())


def test_many_pixels_at_once_are_the_same_as_one_by_one(lite0):
    pixels = np.random.default_rng(1).integers(0, 256, (2 * BATCH + 1, 224, 224, 3), np.uint8)
    one_by_one = np.concatenate([lite0.embed(pixels[i : i + 1]) for i in range(len(pixels))])
    np.testing.assert_allclose(lite0.embed(pixels), one_by_one, atol=1e-2 * one_by_one.max())
    assert lite0.embed(pixels[:0]).shape == (0, 1280)


def test_a_file_that_cannot_be_used_is_told_and_the_others_go_on(lite0, files, tmp_path):
    cut = files[0].read_bytes()
    sources = [files[0], b"", files[1], cut[: len(cut) // 2], tmp_path / "gone.jpg", files[2].read_bytes()]
    found = list(lite0.embed_sources(sources))
    assert [index for index, _ in found] == [0, 1, 2, 3, 4, 5]
    told = {index: result.code for index, result in found if isinstance(result, UnreadableImage)}
    assert told == {1: "empty", 3: "damaged", 4: "missing"}
    assert all(found[index][1].shape == (1280,) for index in (0, 2, 5))


def test_a_reader_that_stops_early_stops_the_work(lite0, files):
    stream = lite0.embed_sources(files * 20)
    assert next(stream)[0] == 0
    stream.close()
    assert [index for index, _ in lite0.embed_sources(files[:2])] == [0, 1]


def test_nothing_to_do_is_no_work(lite0):
    assert list(lite0.embed_sources([])) == []


def test_similar_pictures_are_close_and_others_are_not(lite0):
    rng = np.random.default_rng(0)
    base = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).resize((300, 200), Image.Resampling.BICUBIC)
    other = Image.fromarray(rng.integers(0, 256, (40, 40, 3), np.uint8)).resize((300, 200), Image.Resampling.NEAREST)

    def jpeg(image: Image.Image) -> bytes:
        out = io.BytesIO()
        image.save(out, "JPEG", quality=80)
        return out.getvalue()

    z = np.stack([v for _, v in lite0.embed_sources([jpeg(base), jpeg(base.resize((280, 190))), jpeg(other)])])
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    assert z[0] @ z[1] > 0.9 > z[0] @ z[2]


def test_starts_without_torch_once_the_network_is_converted(folder, lite0, files):
    """A worker is warm in half a second instead of several."""
    script = (
        "import sys; from pathlib import Path; from mlcore import backbones\n"
        f"made = backbones.extractor('lite0', folder=Path({str(folder)!r}))\n"
        f"found = list(made.embed_sources([Path({str(files[0])!r})]))\n"
        "assert found[0][1].shape == (1280,)\n"
        "print(made.fingerprint, 'torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert said.stdout.split() == [lite0.fingerprint, "False"]


def test_the_fingerprint_tells_what_changes_a_feature(monkeypatch):
    lite0 = backbones.fingerprint("lite0", "f32")
    assert lite0.startswith("lite0-f32-")
    assert backbones.fingerprint("lite0", "f32") == lite0
    assert backbones.fingerprint("lite0", "bf16") != lite0
    monkeypatch.setattr("mlcore.edge.preprocess.VERSION", 999)
    assert backbones.fingerprint("lite0", "f32") != lite0


def test_a_missing_backbone_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(BackboneMissing, match=r"ResNet-50 are not on this machine\. Run `annotator backbone get"):
        backbones.extractor("resnet50", folder=tmp_path)
    with pytest.raises(ValueError, match="Unknown backbone 'vgg'; choose one of lite0"):
        backbones.extractor("vgg")


def test_a_converted_network_is_kept_whole(folder, lite0):
    path = cached_ir(REGISTRY["lite0"], pick("cpu").openvino_precision, folder)
    assert path.exists()
    assert path.with_suffix(".bin").exists()
    assert sorted(file.suffix for file in folder.iterdir() if file.stem == path.stem) == [".bin", ".xml"]
    assert not [entry for entry in folder.iterdir() if entry.is_dir()]


def test_of_two_that_miss_a_converted_network_one_makes_it(monkeypatch, tmp_path):
    made = []

    def convert(backbone, target):
        made.append(target)
        time.sleep(0.2)
        target.with_suffix(".bin").touch()
        target.touch()

    monkeypatch.setattr(ir, "_convert", convert)
    with ThreadPoolExecutor(2) as both:
        paths = list(both.map(lambda _: cached_ir(REGISTRY["lite0"], "f32", tmp_path), range(2)))
    assert paths[0] == paths[1] == made[0]
    assert len(made) == 1


def test_networks_are_converted_ahead_and_one_without_weights_is_left_out(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(ahead.os, "nice", lambda by: by)
    monkeypatch.setattr(ahead, "cached_ir", lambda backbone, _, folder: backbone.weights() and folder / backbone.name)
    tried = []
    monkeypatch.setattr(ahead, "Extractor", lambda backbone, device, folder: tried.append((backbone.name, folder)))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    ahead.main(["--folder", str(tmp_path), "resnet50", "lite0", "vgg"])
    told = capsys.readouterr()
    assert told.out.split() == [str(tmp_path / "lite0")]
    assert tried == [("lite0", tmp_path)]
    assert "resnet50 is left out: The weights of ResNet-50 are not on this machine." in told.err
    assert "vgg is left out: Unknown backbone 'vgg'" in told.err


@pytest.mark.parametrize("precision", ["bf16", "f32"])
def test_the_network_is_computed_in_the_precision_that_the_device_has(precision, monkeypatch, folder, lite0):
    asked = []

    class Core:
        def read_model(self, path):
            return real.read_model(path)

        def compile_model(self, model, device, settings):
            asked.append((device, settings["INFERENCE_PRECISION_HINT"]))

    real = engine.ov.Core()
    path = cached_ir(REGISTRY["lite0"], lite0.precision, folder)
    monkeypatch.setattr(engine.ov, "Core", Core)
    module = sys.modules[backbones.Extractor.__module__]
    monkeypatch.setattr(module, "cached_ir", lambda *_: path)
    monkeypatch.setattr(module, "quickest", lambda *_, **__: Way())
    device = replace(pick("cpu"), openvino_device="CPU", openvino_precision=precision)
    made = backbones.Extractor(REGISTRY["lite0"], device=device, folder=folder)
    assert asked == [("CPU", precision)]
    assert made.precision == precision
    assert made.fingerprint == backbones.fingerprint("lite0", precision)


def test_what_a_killed_conversion_left_is_cleared_away(monkeypatch, tmp_path):
    def save_model(model, path, compress_to_fp16):
        path.touch()
        path.with_suffix(".bin").touch()

    (tmp_path / "making-before").mkdir()
    (tmp_path / "making-before" / "model.bin").touch()
    monkeypatch.setattr(ir, "_converted", lambda backbone: None)
    monkeypatch.setattr(engine.ov, "save_model", save_model)
    path = cached_ir(REGISTRY["lite0"], "f32", tmp_path)
    assert {entry.name for entry in tmp_path.iterdir()} == {path.name, path.with_suffix(".bin").name, "lock"}
