"""What every strategy in the registry must do, before its author writes a test."""

import sys

import numpy as np
import pytest

from mlcore.strategies import REGISTRY, STARTS
from mlcore.types import Pool

# How much strategies look at, at most.
BOUNDS = {
    "ANCHORS", "CANDIDATES", "UNSURE_CANDIDATES", "RANDOM_CANDIDATES", "UNSURE", "CLUSTERS", "MAX_CLUSTERS", "QUESTIONS",
    "DRAWS", "TEACHERS", "COVERING", "WIDTH_ANCHORS", "WIDTH_ROWS", "BLOCK",
}
# Those that ask for nothing like what somebody has in front of them.
COVERING = ("auto", "maxherding", "uherding", "uherding_balanced", "typiclust", "coreset", "badge", "probcover")


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


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_works_on_next_to_nothing(strategy, rows, pool_of):
    whole = pool_of()
    part = slice(50, 50 + rows)
    tiny = Pool(
        whole.features[part], whole.probabilities[part], whole.labels[part], whole.in_flight[part], whole.excluded[part], 4
    )
    assert sorted(strategy(tiny, 5, seed=0).indices) == list(range(rows))


def test_does_not_mind_how_arrays_lie_in_memory(strategy, pool_of):
    pool = pool_of()
    wide = np.repeat(pool.features, 2, axis=1)[:, ::2]
    turned = np.asfortranarray(pool.probabilities)
    strided = Pool(wide, turned, pool.labels, pool.in_flight, pool.excluded, 4)
    assert not strided.features.flags.c_contiguous
    expected, found = strategy(pool, 5, seed=0), strategy(strided, 5, seed=0)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-3, atol=1e-4)


def test_works_when_half_of_the_classes_are_unheard_of(strategy, pool_of):
    pool = pool_of(n=200, n_classes=4)
    p = np.concatenate([pool.probabilities, np.zeros((200, 4), np.float32)], axis=1)
    more = Pool(pool.features, p, pool.labels, pool.in_flight, pool.excluded, 8)
    assert len(strategy(more, 10, seed=0)) == 10


def test_works_when_the_model_has_no_doubt(strategy, pool_of):
    pool = pool_of(n=100)
    sure = np.eye(4, dtype=np.float32)[pool.probabilities.argmax(axis=1)]
    certain = Pool(pool.features, sure, pool.labels, pool.in_flight, pool.excluded, 4)
    found = strategy(certain, 20, seed=0)
    assert len(set(found.indices.tolist())) == 20
    assert np.isfinite(found.scores).all()


@pytest.mark.parametrize("k", [10, 300, 10_000])
def test_a_pool_larger_than_what_is_looked_at_changes_none_of_this(strategy, k, pool_of, monkeypatch):
    """The bounds on candidates, anchors and the like, brought down so that a small pool exceeds all of them."""
    for module in {name: found for name, found in sys.modules.items() if name.startswith("mlcore.strategies.")}.values():
        for bound in BOUNDS & set(vars(module)):
            monkeypatch.setattr(module, bound, 20)
    pool = pool_of(n=500, labelled=60, in_flight=20)
    found = strategy(pool, k, seed=0)
    assert len(found) == min(k, int(pool.choosable.sum()))
    assert len(set(found.indices.tolist())) == len(found)
    assert pool.choosable[found.indices].all()
    assert (np.diff(found.scores) <= 1e-6).all()


@pytest.mark.parametrize(
    ("name", "labelled"),
    # TypiClust asks about clusters, and among forty labels there is one for every few images.
    [(name, labelled) for name in COVERING for labelled in (0, 40) if (name, labelled) != ("typiclust", 40)],
)
def test_what_is_in_front_of_somebody_is_covered(name, labelled, monkeypatch):
    """Two looks, one of them in front of somebody now: the other is asked for, however few labels are compared with."""
    monkeypatch.setattr("mlcore.strategies.base.COVERING", 1)
    rng = np.random.default_rng(0)
    looks = np.eye(8)[np.repeat([0, 1], [40, 60])] + 0.02 * rng.standard_normal((100, 8))
    looks = np.concatenate([looks, rng.standard_normal((40, 8)) * (np.arange(8) > 1)])
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    labels = np.full(140, -1)
    labels[100 : 100 + labelled] = np.arange(labelled) % 2
    in_flight, excluded = np.zeros(140, bool), np.arange(140) >= 100
    in_flight[40] = True
    p = np.tile(np.float32([0.6, 0.4]), (140, 1))
    pool = Pool(looks.astype(np.float32), p, labels, in_flight, excluded, 2)
    assert REGISTRY[name](pool, 1, seed=0).indices[0] < 40
