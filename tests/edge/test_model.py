"""A bundle as a Python object."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mlcore.edge.manifest import BundleProblem
from mlcore.edge.preprocess import UnreadableImage
from mlcore.edge.runtime import InferenceFailed, Model
from tests.export.tiny import COLOURS, jpeg


@pytest.mark.parametrize(("name", "rgb"), COLOURS.items())
def test_it_names_the_class(model, name, rgb):
    best = model.predict(jpeg(rgb))[0]
    assert best.label == name
    assert best.confidence > 0.9
    assert model.labels[best.index] == name


def test_bytes_paths_words_and_pixels_get_the_same_answer(model, pictures):
    path = pictures / "red.jpg"
    answers = [model.predict(one) for one in (path, str(path), path.read_bytes())]
    assert answers[0] == answers[1] == answers[2]
    pixels = np.full((20, 20, 3), (255, 0, 0), np.uint8)
    assert model.predict(pixels)[0].label == "red"


def test_a_list_gets_a_list(model):
    answers = model.predict([jpeg(rgb) for rgb in COLOURS.values()], top=1)
    assert [[one.label for one in answer] for answer in answers] == [[name] for name in COLOURS]


def test_confidences_fall_and_sum_to_one(model):
    confidences = [one.confidence for one in model.predict(jpeg((200, 90, 40)))]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) == pytest.approx(1)


def test_the_feature_vector_comes_along(model):
    answer = model.answer(jpeg("red"))
    assert answer.features.shape == (3,)
    assert np.linalg.norm(answer.features) == pytest.approx(1, abs=1e-3)


def test_the_recommended_precision_runs_unless_another_is_asked_for(bundle):
    assert Model(bundle).precision == "FP16"
    assert Model(bundle, precision="int8").precision == "INT8"


def test_unknown_precisions_and_devices_are_refused_with_the_choice(bundle):
    with pytest.raises(BundleProblem, match="choose one of FP32, FP16, INT8"):
        Model(bundle, precision="FP8")
    with pytest.raises(BundleProblem, match=r"device TPU cannot run .*AUTO, .*CPU"):
        Model(bundle, device="TPU")


def test_where_an_accelerator_cannot_run_it_the_cpu_does_and_says_so(bundle, monkeypatch):
    compile_model = Model._compile

    def without_gpu(self, device, hint):
        if device == "GPU":
            raise RuntimeError("No GPU was found.")
        return compile_model(self, device, hint)

    monkeypatch.setattr(Model, "_compile", without_gpu)
    model = Model(bundle, device="GPU")
    assert model.note == "The device GPU cannot run fp16/model.xml (No GPU was found.), so the CPU does."
    assert model.runs_on == "CPU"
    assert [one.predictions[0].label for one in model.answers([jpeg("red")] * 3)] == ["red"] * 3


def test_a_device_that_breaks_down_is_told_as_such(model, monkeypatch):
    def broken(request, pixels):
        raise RuntimeError("The device was lost.")

    monkeypatch.setattr("mlcore.edge.runtime._infer", broken)
    with pytest.raises(InferenceFailed, match=r"could not compute an answer \(The device was lost.\)"):
        model.answer(jpeg("red"))


def test_pixels_that_may_not_be_written_to_are_answered_like_others(model):
    pixels = np.full((32, 32, 3), (0, 255, 0), np.uint8)
    pixels.flags.writeable = False
    assert model.predict(pixels)[0].label == "green"
    assert model.predict(np.full((32, 32, 6), (0, 0, 255, 9, 9, 9), np.uint8)[:, :, :3])[0].label == "deep blue"


def test_a_bad_picture_is_refused(model):
    with pytest.raises(UnreadableImage):
        model.predict(b"no picture")


def test_many_threads_get_their_own_answers(model):
    names = list(COLOURS) * 40
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda name: model.predict(jpeg(COLOURS[name]), 1)[0].label, names))
    assert answers == names


def test_the_metadata_tells_where_it_comes_from(model):
    assert model.metadata["lineage"]["model_version"] == 7
