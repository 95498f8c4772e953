"""Large arrays are scored in blocks on every core, and the answer does not depend on how many there are."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from mlcore import threads
from mlcore.heads import REGISTRY
from mlcore.heads.base import likeliest
from mlcore.strategies.base import margin_uncertainty
from mlcore.threads import cores, over_blocks

ROWS, CLASSES = 20_000, 4


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((ROWS, 16), np.float32) + 2.0 * np.eye(16, dtype=np.float32)[np.arange(ROWS) % CLASSES]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def fitted(name: str, features: np.ndarray):
    return REGISTRY[name]().fit(features[:60], np.arange(60) % CLASSES, CLASSES, features[60:200])


@pytest.mark.parametrize("name", REGISTRY)
def test_any_number_of_threads_gives_the_same_probabilities_to_the_bit(name: str, features, monkeypatch) -> None:
    head = fitted(name, features)
    monkeypatch.setattr(threads, "MANY_ROWS", ROWS)
    monkeypatch.setattr(threads, "cores", lambda: 1)
    alone = head.predict_proba(features)
    monkeypatch.setattr(threads, "cores", lambda: 3)
    assert np.array_equal(head.predict_proba(features), alone)


@pytest.mark.parametrize("name", REGISTRY)
def test_features_may_lie_in_memory_in_either_order(name: str, features) -> None:
    head = fitted(name, features)
    expected = head.predict_proba(features)
    np.testing.assert_allclose(head.predict_proba(np.asfortranarray(features)), expected, atol=1e-5)
    np.testing.assert_allclose(head.predict_proba(features[::2]), expected[::2], atol=1e-5)


def test_the_numbers_of_a_class_lie_side_by_side(features) -> None:
    for name in REGISTRY:
        assert fitted(name, features).predict_proba(features).flags.f_contiguous


def test_every_row_is_in_one_block_and_many_rows_are_shared_out(monkeypatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 2)
    monkeypatch.setattr(threads, "MANY_ROWS", 10)
    # Two threads that wait for each other: one alone would wait for ever.
    met = threading.Barrier(2, timeout=30)
    seen = np.zeros(10, np.int64)

    def count(rows: slice) -> None:
        met.wait()
        seen[rows] += 1

    over_blocks(count, 10, 5)
    assert (seen == 1).all()
    seen = np.zeros(9, np.int64)
    caller = threading.get_ident()

    def count_here(rows: slice) -> None:
        assert threading.get_ident() == caller
        seen[rows] += 1

    over_blocks(count_here, 9, 4)
    assert (seen == 1).all()


def test_what_goes_wrong_in_a_block_is_heard(monkeypatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 2)
    monkeypatch.setattr(threads, "MANY_ROWS", 1)

    def fail(rows: slice) -> None:
        raise ValueError(f"rows from {rows.start}")

    with pytest.raises(ValueError, match="rows from 0"):
        over_blocks(fail, 8, 4)


def test_whoever_asks_for_fewer_threads_gets_fewer(monkeypatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    available = cores()
    assert available >= 1
    for asked, given in (("1", 1), ("1,2", 1), ("1000000", available), ("0", available), ("many", available)):
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
        assert cores() == given


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_margins_and_answers_are_those_of_a_full_sort(order: str, classes: int) -> None:
    # Of few values, so that classes tie.
    p = np.random.default_rng(0).integers(0, 4, (1000, classes)).astype(np.float32, order=order) / 4
    ranked = np.sort(p, axis=1)
    assert np.array_equal(margin_uncertainty(p), 1 - (ranked[:, -1] - ranked[:, -2]))
    assert np.array_equal(likeliest(p), p.argmax(axis=1))
