"""One model takes over from another while pictures keep coming."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mlcore.edge.preprocess import UnreadableImage
from mlcore.edge.runtime import InferenceFailed
from mlcore.edge.station import BY_MODEL, Missed, NoModel, Station
from tests.edge.fakes import FakeModel
from tests.export.tiny import COLOURS, jpeg


def test_without_a_model_it_says_what_to_do():
    with pytest.raises(NoModel, match="deploy one to this device"):
        Station().answer(b"picture")


def test_the_first_model_answers_as_soon_as_it_is_there():
    station = Station()
    station.swap(FakeModel(1))
    assert station.answer(b"picture").predictions[0].label == "red"


def test_no_request_is_dropped_or_mixed_while_models_change():
    """Four threads ask without a pause while eight models take over; each model is shut when `swap` says it is free."""
    models = [FakeModel(number) for number in range(9)]
    station = Station(models[0])
    seen = []
    station.observers.append(seen.append)
    stop = threading.Event()

    def ask(_: int) -> int:
        answered = 0
        while not stop.is_set() or not answered:
            station.answer(b"picture")
            answered += 1
        return answered

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask, n) for n in range(4)]
        for before, after in itertools.pairwise(models):
            station.swap(after)
            before.closed = True
            after.entered.wait(30)
        stop.set()
        answered = sum(one.result() for one in asked)
    assert answered == len(seen)
    assert [model.answered_after_its_end for model in models] == [0] * 9
    assert all(one.number == one.answer.features[0] for one in seen)
    assert {one.number for one in seen} >= set(range(1, 9))


def test_the_new_model_answers_before_the_old_one_has_ended():
    gate = threading.Event()
    old, new = FakeModel(1, gate=gate), FakeModel(2)
    station = Station(old)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(station.answer, b"picture")
        old.entered.wait(30)
        swapping = pool.submit(station.swap, new)
        while station.model is not new:
            threading.Event().wait(0.001)
        assert station.answer(b"picture").features[0] == 2
        assert not swapping.done()
        gate.set()
        assert slow.result().features[0] == 1
        swapping.result()


def test_observers_see_what_was_answered_and_what_was_not():
    station = Station(FakeModel(3))
    seen, missed = [], []
    station.observers.append(seen.append)
    station.miss_observers.append(missed.append)
    station.answer(b"picture", "camera")
    with pytest.raises(UnreadableImage):
        station.answer(b"bad", "folder")
    station.swap(FakeModel(4, fails=True))
    with pytest.raises(InferenceFailed):
        station.answer(b"picture", "camera")
    assert [(one.source, one.number, one.picture, one.pixels.shape) for one in seen] == [
        ("camera", 3, b"picture", (4, 4, 3))
    ]
    assert seen[0].ms > 0
    assert [(one.source, one.number, one.code) for one in missed] == [("folder", 3, "damaged"), ("camera", 4, BY_MODEL)]


def test_many_are_answered_in_their_order_with_errors_in_their_place():
    station = Station(FakeModel(1))
    pictures = [(str(n), b"bad" if n % 5 == 0 else b"good") for n in range(40)]
    answers = list(station.see_many(iter(pictures)))
    assert [one.source for one in answers] == [source for source, _ in pictures]
    assert [isinstance(one, Missed) for one in answers] == [n % 5 == 0 for n in range(40)]


def test_many_are_read_only_a_little_ahead():
    station = Station(FakeModel(1))
    taken = []

    def endless():
        while True:
            taken.append(0)
            yield "", b"picture"

    answers = station.see_many(endless())
    for _ in range(5):
        next(answers)
    answers.close()
    assert len(taken) < 5 + 4 * FakeModel.hands


def test_a_real_model_answers_many_as_it_answers_one(model):
    names = list(COLOURS) * 5
    answers = list(model.answers(jpeg(COLOURS[name]) for name in names))
    assert [answer.predictions[0].label for answer in answers] == names
    assert answers[0].predictions == model.answer(jpeg("red")).predictions


def test_the_model_tells_what_it_runs_on(model):
    assert model.runs_on == "CPU"
    assert model.note == ""
