"""One turn: labels in, a model and the order of what to ask next out."""

import numpy as np
import pytest

from mlcore import heads, strategies
from mlcore.loop import step
from mlcore.reasons import Reason


class Project:
    """A made-up project whose truth is known, turned as the product turns it."""

    def __init__(self, data, strategy="auto", head="blend"):
        self.data, self.strategy, self.head = data, strategy, head
        n = len(data.truth)
        self.labels = np.full(n, -1, np.int64)
        self.in_flight, self.excluded = np.zeros(n, bool), np.zeros(n, bool)
        self.previous = None

    def turn(self, k=10, **changes):
        result = step(
            **{
                "features": self.data.features,
                "labels": self.labels,
                "n_classes": self.data.n_classes,
                "in_flight": self.in_flight,
                "excluded": self.excluded,
                "k": k,
                "strategy": self.strategy,
                "head": self.head,
                "previous": self.previous,
                **changes,
            }
        )
        self.previous = result.carry()
        return result

    def answer(self, rows):
        self.labels[rows] = self.data.truth[rows]


@pytest.fixture
def project(clusters):
    def make(strategy="auto", head="blend", **made):
        return Project(clusters(**made), strategy, head)

    return make


def test_before_the_first_label_there_is_a_queue_but_no_model(project):
    turn = project().turn(k=12)
    assert turn.head is None
    assert turn.probabilities is None
    assert (turn.predictions == -1).all()
    assert len(turn.selection) == 12
    assert turn.reasons == [Reason("cold_start")] * 12


def test_learns_as_labels_arrive(project):
    p = project(n=600, n_classes=5)
    for _ in range(4):
        p.answer(p.turn().selection.indices)
    turn = p.turn()
    assert (turn.predictions == p.data.truth).mean() > 0.95
    assert turn.probabilities.shape == (600, 5)
    assert turn.predictions.dtype == np.int16
    assert set(turn.timings) == {"fit", "calibrate", "score", "choose"}
    assert all(seconds >= 0 for seconds in turn.timings.values())


def test_the_first_ten_find_every_class(project):
    """Coverage asks one of each cluster long before chance would."""
    p = project(n=600, n_classes=8)
    first = p.turn(k=10).selection.indices
    assert len(set(p.data.truth[first])) == 8


def test_nothing_taken_is_asked_and_twins_of_what_is_looked_at_wait(clusters):
    data = clusters(n=200, n_classes=2, spread=0.05)
    p = Project(data)
    p.in_flight[np.flatnonzero(data.truth == 0)[0]] = True
    p.excluded[:20] = True
    turn = p.turn(k=1)
    assert data.truth[turn.selection.indices[0]] == 1
    everything = p.turn(k=1000).selection.indices
    assert not (p.in_flight | p.excluded)[everything].any()
    assert len(everything) == int((~(p.in_flight | p.excluded)).sum())


def test_the_queue_never_runs_dry(project):
    p = project(n=150)
    while (p.labels < 0).any():
        turn = p.turn(k=25)
        assert len(turn.selection) == min(25, int((p.labels < 0).sum()))
        assert len(turn.reasons) == len(turn.selection)
        p.answer(turn.selection.indices)
    assert len(p.turn().selection) == 0


def test_calibration_is_made_anew_every_ten_labels_and_carried_between(project):
    p = project(n=300)
    order = np.random.default_rng(0).permutation(300)
    fresh = []
    for count in range(20, 45):
        p.answer(order[:count])
        fresh.append(p.turn(k=1).calibrated)
    assert fresh == [number % 10 == 0 for number in range(25)]


def test_a_new_class_is_learnt_from_its_first_label_and_calls_for_calibration(project):
    p = project(n=300, n_classes=4, spread=0.3)
    known = np.flatnonzero(p.data.truth < 3)[:40]
    p.answer(known)
    p.turn()
    newcomer = np.flatnonzero(p.data.truth == 3)
    p.answer(newcomer[:1])
    turn = p.turn()
    assert turn.calibrated
    assert (turn.predictions[newcomer[1:]] == 3).mean() > 0.9


def test_agreement_is_with_the_model_of_ten_labels_before(project):
    p = project(n=300)
    order = np.random.default_rng(0).permutation(300)
    said = []
    for count in range(20, 41):
        p.answer(order[:count])
        said.append(p.turn(k=1).kappa)
    assert said[:10] == [None] * 10
    assert len(set(said[10:20])) == 1
    assert 0.8 < said[10] <= 1.0
    assert said[20] is not None


def test_taking_back_a_label_does_not_look_like_agreement(project):
    p = project(n=300)
    order = np.random.default_rng(0).permutation(300)
    p.answer(order[:30])
    p.turn()
    p.labels[order[29]] = -1
    assert p.turn().kappa is None


def test_images_that_come_later_are_scored_and_asked(clusters):
    data = clusters(n=300)
    p = Project(data)
    first = {
        name: value[:200]
        for name, value in {
            "features": data.features,
            "labels": p.labels,
            "in_flight": p.in_flight,
            "excluded": p.excluded,
        }.items()
    }
    p.answer(np.arange(30))
    p.turn(**first)
    p.answer(np.arange(45))
    turn = p.turn(k=300)
    assert turn.kappa is not None
    assert turn.selection.indices.max() >= 200


@pytest.mark.parametrize("strategy", strategies.REGISTRY)
@pytest.mark.parametrize("head", heads.REGISTRY)
def test_every_strategy_turns_with_every_head_from_the_first_label_on(project, strategy, head):
    p = project(strategy, head, n=120)
    for _ in range(4):
        turn = p.turn(k=8)
        assert len(turn.selection) == 8
        p.answer(turn.selection.indices)
    assert (p.turn().predictions == p.data.truth).mean() > 0.8


def test_the_same_turn_gives_the_same_answer(project):
    p = project(n=300)
    p.answer(np.arange(40))
    a, b = p.turn(seed=5, previous=None), p.turn(seed=5, previous=None)
    np.testing.assert_array_equal(a.selection.indices, b.selection.indices)
    np.testing.assert_array_equal(a.probabilities, b.probabilities)


@pytest.mark.parametrize(("field", "words"), [("strategy", "Unknown strategy 'x'; choose"), ("head", "Unknown head 'x'")])
def test_a_name_that_is_not_known_is_refused(project, field, words):
    with pytest.raises(ValueError, match=words):
        project().turn(**{field: "x"})


def test_arrays_that_disagree_are_refused(project):
    with pytest.raises(ValueError, match="labels has 3 rows, features has 300"):
        project().turn(labels=np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="A label is 9, but there are only 4 classes"):
        project().turn(labels=np.full(300, 9))
