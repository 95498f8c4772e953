"""A version is watched in its first minute, by what it does with real pictures."""

import contextlib

import pytest

from mlcore.edge.agent.takeover import FirstMinute
from mlcore.edge.preprocess import UnreadableImage
from mlcore.edge.runtime import InferenceFailed
from mlcore.edge.station import Seen, Station
from tests.edge.fakes import FakeModel, answer


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def watch(station, clock, budget_ms=None, number=2):
    return FirstMinute(station, number=number, budget_ms=budget_ms, clock=clock)


def show(station, times, picture=b"picture"):
    for _ in range(times):
        with contextlib.suppress(InferenceFailed, UnreadableImage):
            station.answer(picture)


def saw(station, ms, times=1, number=2):
    """Tell the observers of answers that took so long."""
    for _ in range(times):
        for observer in station.observers:
            observer(Seen(None, b"", answer(), ms, 0.0, "", number))


def test_a_version_that_answers_is_left_alone(clock):
    station = Station(FakeModel(2))
    minute = watch(station, clock)
    show(station, 50)
    assert minute.fault() == ""
    assert not minute.over
    clock.now = 61
    assert minute.over
    assert minute.fault() == ""


def test_a_version_that_fails_goes_at_once(clock):
    station = Station(FakeModel(2, fails=True))
    minute = watch(station, clock)
    show(station, 2)
    assert minute.fault() == ""
    show(station, 1)
    assert "failed on 3 of its first 3 pictures" in minute.fault()


def test_few_failures_among_many_answers_are_forgiven(clock):
    station = Station(FakeModel(2))
    minute = watch(station, clock)
    show(station, 100)
    station.model.fails = True
    show(station, 3)
    assert minute.fault() == ""


def test_bad_pictures_are_not_the_models_fault(clock):
    station = Station(FakeModel(2))
    minute = watch(station, clock)
    show(station, 50, b"bad")
    assert minute.fault() == ""


def test_answers_over_the_budget_send_it_back(clock):
    station = Station(FakeModel(2))
    minute = watch(station, clock, budget_ms=20)
    saw(station, 5, 90)
    saw(station, 50, 9)
    assert minute.fault() == ""
    clock.now = 61
    assert "one answer in twenty takes longer than 50.0 ms, the budget is 20 ms" in minute.fault()


def test_after_a_hundred_answers_nobody_waits_for_the_end(clock):
    station = Station(FakeModel(2))
    minute = watch(station, clock, budget_ms=20)
    saw(station, 50, 100)
    assert minute.fault()


def test_a_handful_of_slow_answers_says_nothing(clock):
    station = Station(FakeModel(2))
    minute = watch(station, clock, budget_ms=20)
    saw(station, 500, 19)
    clock.now = 61
    assert minute.fault() == ""


def test_what_the_version_before_did_does_not_count(clock):
    station = Station(FakeModel(1))
    minute = watch(station, clock, budget_ms=20)
    saw(station, 500, 200, number=1)
    assert minute.fault() == ""


def test_nobody_watches_after_the_end(clock):
    station = Station(FakeModel(2))
    others = [lambda seen: None]
    station.observers = list(others)
    watch(station, clock).end()
    assert station.observers == others
    assert station.miss_observers == []
