"""What every strategy in the registry must do, before its author writes a test."""

import numpy as np
import pytest

from mlcore.strategies import REGISTRY, STARTS
from mlcore.types import Pool


@pytest.fixture(params=REGISTRY)
def strategy(request):
    return REGISTRY[request.param]


@pytest.fixture
def pool_of(clusters):
    """A pool in which the first rows are labelled, the next in flight, the next excluded; the model is half right."""

    def make(n=400, n_classes=4, labelled=25, in_flight=5, excluded=7) -> Pool:
        data = clusters(n=n, n_classes=n_classes)
        labels = np.full(n, -1, np.int64)
        labels[:labelled] = data.truth[:labelled]
        flight, out = np.zeros(n, bool), np.zeros(n, bool)
        flight[labelled : labelled + in_flight] = True
        out[labelled + in_flight : labelled + in_flight + excluded] = True
        p = np.random.default_rng(0).dirichlet(np.ones(n_classes), n) + np.eye(n_classes)[data.truth]
        p /= p.sum(axis=1, keepdims=True)
        return Pool(data.features, p.astype(np.float32), labels, flight, out, n_classes)

    return make


@pytest.mark.parametrize("k", [0, 1, 10, 300, 10_000])
def test_answers_as_many_as_asked_for_or_all_there_are(strategy, k, pool_of):
    pool = pool_of()
    assert len(strategy(pool, k, seed=0)) == min(k, int(pool.choosable.sum()))


def test_chooses_only_what_may_be_asked_and_nothing_twice(strategy, pool_of):
    pool = pool_of()
    chosen = strategy(pool, 1000, seed=0).indices
    assert chosen.dtype == np.int64
    assert len(set(chosen.tolist())) == len(chosen)
    assert pool.choosable[chosen].all()


def test_scores_are_finite_and_fall(strategy, pool_of):
    scores = strategy(pool_of(), 300, seed=0).scores
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    assert (np.diff(scores) <= 1e-6).all()


def test_is_the_same_for_the_same_seed(strategy, pool_of):
    pool = pool_of()
    np.testing.assert_array_equal(strategy(pool, 50, seed=3).indices, strategy(pool, 50, seed=3).indices)


def test_leaves_the_pool_as_it_was(strategy, pool_of):
    pool = pool_of()
    before = {name: getattr(pool, name).copy() for name in ("features", "probabilities", "labels", "in_flight")}
    strategy(pool, 50, seed=0)
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(pool, name), value)


def test_works_when_nothing_may_be_asked(strategy, pool_of):
    pool = pool_of(n=40, labelled=30, in_flight=5, excluded=5)
    assert len(strategy(pool, 10, seed=0)) == 0


@pytest.mark.parametrize("free", [1, 2, 3])
def test_works_when_little_is_left(strategy, free, pool_of):
    pool = pool_of(n=30 + free, labelled=20, in_flight=5, excluded=5)
    assert len(strategy(pool, 10, seed=0)) == free


def test_works_when_all_images_are_the_same(strategy, pool_of):
    pool = pool_of(n=60)
    same = Pool(
        np.repeat(pool.features[:1], 60, axis=0),
        np.full((60, 4), 0.25, np.float32),
        pool.labels,
        pool.in_flight,
        pool.excluded,
        4,
    )
    assert len(strategy(same, 20, seed=0)) == 20


def test_works_on_a_class_of_its_own(strategy, pool_of):
    pool = pool_of(n=50, n_classes=1)
    assert len(strategy(pool, 10, seed=0)) == 10


@pytest.mark.parametrize("name", REGISTRY)
def test_says_when_it_needs_a_model(name, pool_of):
    known = pool_of(labelled=0)
    pool = Pool(known.features, None, known.labels, known.in_flight, known.excluded, 4)
    if name in STARTS:
        with pytest.raises(ValueError, match="needs a model"):
            REGISTRY[name](pool, 5, seed=0)
    else:
        assert len(REGISTRY[name](pool, 5, seed=0)) == 5
