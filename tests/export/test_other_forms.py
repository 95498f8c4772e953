"""Besides the IRs a bundle has the model as ONNX and as a folder for OpenVINO Model Server; all of them say the same."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from mlcore import backbones
from mlcore.convert import Classifier, InputContract, describe, fold_preprocessing, to_openvino, torch_probabilities
from mlcore.edge.postprocess import softmax
from mlcore.measure import Runner
from mlcore.measure_memory import measure_memory
from mlcore.onnx_export import largest_difference, to_onnx
from mlcore.ovms import config, layout
from tests.export.tiny import SIZE, save_colour_ir

EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


@pytest.fixture(scope="module")
def contract(tiny):
    spec = backbones.REGISTRY[tiny]
    return InputContract(spec.input_size, spec.mean, spec.scale)


@pytest.fixture(scope="module")
def classifier(tiny_learnt):
    return Classifier(backbones.REGISTRY["tiny"].module(), tiny_learnt.projection.state(), tiny_learnt.head.to_linear())


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def reference(classifier, contract, pixels):
    return torch_probabilities(classifier, pixels, contract)


@pytest.fixture(scope="module")
def xml(classifier, contract, tiny_learnt, tmp_path_factory) -> Path:
    """The IR in 32 bits."""
    path = tmp_path_factory.mktemp("ir") / "model.xml"
    model = fold_preprocessing(to_openvino(classifier, contract.size), contract)
    describe(model, class_names=tiny_learnt.names, class_colors=["#000000"] * len(tiny_learnt.names), size=SIZE, lineage={})
    ov.save_model(model, path, compress_to_fp16=False)
    return path


def test_the_onnx_file_answers_like_torch_for_any_number_of_pictures(classifier, contract, pixels, reference):
    onnx = to_onnx(classifier, contract)
    for count in (1, 5):
        assert largest_difference(onnx, reference[:count], pixels[:count]) < 1e-5


def test_the_onnx_file_is_the_same_each_time(classifier, contract):
    assert to_onnx(classifier, contract) == to_onnx(classifier, contract)


def test_an_ir_takes_more_pictures_at_once_when_it_is_told_before_compiling(xml, pixels, reference):
    model = ov.Core().read_model(xml)
    ov.set_batch(model, 5)
    many = ov.Core().compile_model(model, "CPU", EXACT)([pixels])
    assert np.abs(softmax(many["logits"]) - reference).max() < 1e-5
    assert many["feature_vector"].shape[0] == 5
    model = ov.Core().read_model(xml)
    ov.set_batch(model, ov.Dimension(1, 8))
    any_number = ov.Core().compile_model(model, "CPU", EXACT)
    for count in (1, 5):
        assert np.abs(softmax(any_number([pixels[:count]])["logits"]) - reference[:count]).max() < 1e-5


def test_the_model_for_openvino_model_server_takes_bgr(xml, pixels, reference, tmp_path):
    for name, data in layout(xml, "trash", half=False).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == [
        "ovms/config.json", "ovms/trash/1/model.bin", "ovms/trash/1/model.xml",
    ]  # fmt: skip
    model = ov.Core().read_model(tmp_path / "ovms" / "trash" / "1" / "model.xml")
    assert [one.get_any_name() for one in (*model.inputs, *model.outputs)] == ["image", "logits", "feature_vector"]
    # The server decodes files for inputs of this form only.
    assert (model.inputs[0].element_type, tuple(model.inputs[0].shape)) == (ov.Type.u8, (1, SIZE, SIZE, 3))
    compiled = ov.Core().compile_model(model, "CPU", EXACT)
    for one, expected in zip(pixels, reference, strict=True):
        assert np.abs(softmax(compiled([one[None, ..., ::-1].copy()])["logits"][0]) - expected).max() < 1e-5
        assert np.abs(softmax(compiled([one[None]])["logits"][0]) - expected).max() > 1e-5


def test_its_configuration_names_a_folder_beside_it():
    (entry,) = json.loads(config("trash"))["model_config_list"]
    assert entry == {"config": {"name": "trash", "base_path": "trash", "plugin_config": {"PERFORMANCE_HINT": "LATENCY"}}}


def test_memory_is_that_of_a_process_of_its_own(tmp_path):
    xml = save_colour_ir(tmp_path / "model.xml", half=True)
    found = measure_memory({"FP16": xml, "INT8": tmp_path / "missing.xml"})
    assert list(found) == ["FP16"]
    assert 100_000 < found["FP16"] < 200_000_000


def test_a_report_can_say_what_a_network_computes_in(tmp_path):
    assert Runner(save_colour_ir(tmp_path / "model.xml", half=True), "FP32").computes_in == "f32"
    assert Runner(tmp_path / "model.xml", "FP16").computes_in in ("f32", "bf16", "f16")


def test_openvino_s_own_benchmark_app_runs_the_ir(xml):
    command = [str(Path(sys.executable).with_name("benchmark_app")), "-m", str(xml), "-niter", "8", "-hint", "latency"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Throughput:\s+[\d.]+ FPS", done.stdout)
