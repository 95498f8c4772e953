"""An IR takes raw pixels, answers like torch, and carries what Model API reads."""

import json

import numpy as np
import openvino as ov
import pytest

from mlcore import backbones
from mlcore.convert import (
    Classifier,
    InputContract,
    describe,
    fold_preprocessing,
    parity,
    spaceless,
    to_openvino,
    torch_probabilities,
)
from mlcore.edge.preprocess import load_rgb, to_input
from mlcore.measure import Runner
from mlcore.quantise import quantise


@pytest.fixture
def classifier(tiny_learnt):
    return Classifier(backbones.REGISTRY["tiny"].module(), tiny_learnt.projection.state(), tiny_learnt.head.to_linear())


@pytest.fixture
def contract(tiny):
    spec = backbones.REGISTRY[tiny]
    return InputContract(spec.input_size, spec.mean, spec.scale)


@pytest.fixture
def pixels(tiny_learnt, contract):
    return np.stack([to_input(load_rgb(path), contract.size) for path in tiny_learnt.paths[:24]])


def answers(model, tmp_path, precision, pixels, *, half=False):
    xml = tmp_path / precision / "model.xml"
    ov.save_model(model, xml, compress_to_fp16=half)
    runner = Runner(xml, precision)
    return np.stack([runner.probabilities(one) for one in pixels])


def test_the_full_precision_ir_answers_like_torch(classifier, contract, pixels, tmp_path):
    model = fold_preprocessing(to_openvino(classifier, contract.size), contract)
    assert [tuple(model.inputs[0].shape), model.inputs[0].element_type] == [(1, 32, 32, 3), ov.Type.u8]
    reference = torch_probabilities(classifier, pixels, contract)
    same = parity(reference, answers(model, tmp_path, "FP32", pixels))
    assert same.max_diff < 1e-4
    assert (same.agreement, same.n) == (1, 24)


def test_half_and_eight_bits_stay_near(classifier, contract, pixels, tmp_path):
    plain = to_openvino(classifier, contract.size)
    reference = torch_probabilities(classifier, pixels, contract)
    half = answers(fold_preprocessing(plain.clone(), contract), tmp_path, "FP16", pixels, half=True)
    assert parity(reference, half).max_diff < 0.05
    small = answers(fold_preprocessing(quantise(plain, list(pixels), contract), contract), tmp_path, "INT8", pixels)
    assert parity(reference, small).max_diff < 0.3


def test_quantising_reaches_the_backbone_and_spares_the_head(classifier, contract, pixels):
    model = quantise(to_openvino(classifier, contract.size), list(pixels), contract)
    kinds = [op.get_type_name() for op in model.get_ops()]
    assert kinds.count("FakeQuantize") >= 2
    # Weights in 8 bits are stored as such; those of the two products after the backbone are not.
    eight = [op for op in model.get_ops() if op.get_type_name() == "Constant" and op.get_element_type() == ov.Type.i8]
    assert len(eight) == kinds.count("Convolution") == 2


def test_quantising_without_pictures_is_refused(classifier, contract):
    with pytest.raises(ValueError, match="calibration needs at least one picture"):
        quantise(to_openvino(classifier, contract.size), [], contract)


def test_parity_tells_differences():
    one = np.array([[0.9, 0.1], [0.4, 0.6]])
    other = np.array([[0.8, 0.2], [0.7, 0.3]])
    same = parity(one, other)
    assert same.max_diff == pytest.approx(0.3)
    assert same.agreement == 0.5


def test_the_metadata_is_what_model_api_reads(classifier, contract, tmp_path):
    model = fold_preprocessing(to_openvino(classifier, contract.size), contract)
    describe(
        model,
        class_names=["old can", "été"],
        class_colors=["#112233", "#445566"],
        size=32,
        lineage={"model_version": 3, "project": "Trash"},
    )
    ov.save_model(model, tmp_path / "model.xml")
    read = ov.Core().read_model(tmp_path / "model.xml")

    def text(key: str) -> str:
        return read.get_rt_info(["model_info", key]).astype(str)

    assert text("model_type") == "Classification"
    assert text("labels") == "old_can été"
    assert (text("embedded_processing"), text("orig_width"), text("orig_height")) == ("True", "32", "32")
    assert text("output_raw_scores") == "True"
    assert json.loads(text("label_info"))["label_names"] == ["old can", "été"]
    assert json.loads(text("label_info"))["label_colors"] == ["#112233", "#445566"]
    assert (text("edge_annotator_model_version"), text("edge_annotator_project")) == ("3", "Trash")
    assert [output.get_any_name() for output in read.outputs] == ["logits", "feature_vector"]


def test_names_without_spaces_stay_different():
    assert spaceless(["a b", "a_b", "a  b", "c"]) == ["a_b", "a_b_2", "a_b_3", "c"]
