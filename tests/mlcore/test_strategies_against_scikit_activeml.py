"""Where scikit-activeml has the same method, ours chooses what it chooses."""

from types import SimpleNamespace

import numpy as np
import pytest
from skactiveml.classifier import SklearnClassifier
from skactiveml.pool import Badge, CoreSet, MaxHerding, ProbCover, TypiClust, batch_bald, uncertainty_scores
from sklearn.linear_model import LogisticRegression

from mlcore.strategies import REGISTRY
from mlcore.strategies.badge import Gradients, seeding
from mlcore.strategies.bald import disagreement
from mlcore.strategies.clusters import kmeans
from mlcore.strategies.maxherding import herding_width
from mlcore.strategies.probcover import pure_radius
from mlcore.strategies.typiclust import champions, typicality
from mlcore.types import Pool

CLASSES = 4


@pytest.fixture
def data(clusters):
    """300 rows, of which the first 12 are labelled, a model fitted on these, and the same as a pool of ours."""
    made = clusters(n=300, n_classes=CLASSES, dim=16, spread=0.9)
    labels = np.where(np.arange(300) < 12, made.truth, -1)
    theirs = np.where(labels < 0, np.nan, labels)
    model = SklearnClassifier(LogisticRegression(C=10.0), classes=np.arange(CLASSES), random_state=0)
    model.fit(made.features, theirs)
    p = model.predict_proba(made.features).astype(np.float32)
    nobody = np.zeros(300, bool)
    pool = Pool(made.features, p, labels, nobody, nobody, CLASSES)
    return SimpleNamespace(features=made.features, y=theirs, model=model, pool=pool)


def clustered_as(owner):
    """A clustering algorithm whose answer is known."""

    class Known:
        def __init__(self, n_clusters: int) -> None:
            self.n_clusters = n_clusters

        def fit_predict(self, features):
            return owner

    return Known



@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("margin", "margin_sampling"), ("entropy", "entropy"), ("least_confidence", "least_confident")],
)
def test_uncertainty_puts_all_images_in_the_same_order(ours, theirs, data):
    open_rows = np.flatnonzero(data.pool.choosable)
    expected = uncertainty_scores(data.pool.probabilities[open_rows], method=theirs)
    chosen = REGISTRY[ours](data.pool, len(open_rows), seed=0)
    at = np.searchsorted(open_rows, chosen.indices)
    np.testing.assert_allclose(np.sort(expected)[::-1], expected[at], atol=1e-5)


def test_core_set_makes_the_same_choices(data):
    theirs = CoreSet(random_state=0).query(data.features, data.y, batch_size=40)
    np.testing.assert_array_equal(REGISTRY["coreset"](data.pool, 40, seed=0).indices, theirs)


def test_max_herding_makes_the_same_choices_at_the_same_width(data):
    gamma = 0.5 / herding_width(data.features) ** 2
    theirs = MaxHerding(metric="rbf", metric_dict={"gamma": gamma}, random_state=0)
    expected = theirs.query(data.features, data.y, batch_size=20)
    np.testing.assert_array_equal(REGISTRY["maxherding"](data.pool, 20, seed=0).indices, expected)


def test_max_herding_makes_the_same_choices_before_any_label(data):
    nobody = np.zeros(300, bool)
    pool = Pool(data.features, None, np.full(300, -1), nobody, nobody, CLASSES)
    gamma = 0.5 / herding_width(data.features) ** 2
    theirs = MaxHerding(metric="rbf", metric_dict={"gamma": gamma}, random_state=0)
    expected = theirs.query(data.features, np.full(300, np.nan), batch_size=20)
    np.testing.assert_array_equal(REGISTRY["maxherding"](pool, 20, seed=0).indices, expected)


def test_typiclust_makes_the_same_choices_in_the_same_clusters(data):
    owner = np.repeat(np.arange(8), [66, 54, 47, 41, 36, 25, 18, 13])
    y = np.full(300, np.nan)
    y[[0, 130]] = 0
    theirs = TypiClust(cluster_algo=clustered_as(owner), k=5, random_state=0)
    expected = theirs.query(data.features, y, batch_size=6)
    open_rows = np.flatnonzero(np.isnan(y))
    typical = typicality(data.features, owner, 5)
    ours = open_rows[champions(typical[open_rows], owner[open_rows], owner[[0, 130]])]
    np.testing.assert_array_equal(ours[:6], expected)


def test_prob_cover_takes_the_largest_radius_that_is_pure_enough(data):
    radius = pure_radius(data.features, CLASSES, np.random.default_rng(3))
    owner, _ = kmeans(data.features, CLASSES, np.random.default_rng(3))
    theirs = ProbCover(n_classes=CLASSES, deltas=[radius * 0.9, radius, radius * 1.1], cluster_algo=clustered_as(owner))
    theirs.query(data.features, data.y)
    assert theirs.delta_max_ == radius


@pytest.mark.filterwarnings("ignore:The maximum purity was -1")
def test_prob_cover_covers_most_at_each_choice(data):
    """Many rows cover as many others, so the choices are followed one by one."""
    radius = pure_radius(data.features, CLASSES, np.random.default_rng(3))
    y = data.y.copy()
    for choice in REGISTRY["probcover"](data.pool, 25, seed=3).indices:
        _, worth = ProbCover(deltas=[radius]).query(data.features, y, return_utilities=True)
        assert worth[0, choice] == np.nanmax(worth)
        y[choice] = 0


def test_badge_begins_with_the_same_image_and_sees_the_same_distances(data):
    theirs = Badge(random_state=0)
    chosen, shares = theirs.query(data.features, data.y, clf=data.model, fit_clf=False, batch_size=6, return_utilities=True)
    rows = np.flatnonzero(data.pool.choosable)
    gradients = Gradients.of(data.pool.probabilities[rows], data.features[rows])
    assert REGISTRY["badge"](data.pool, 1, seed=0).indices.tolist() == chosen[:1]
    # Theirs also counts the distance to no gradient at all, which is a gradient's own length.
    nearest = gradients.sizes
    for step in range(1, 6):
        before = np.searchsorted(rows, chosen[step - 1 : step])
        nearest = np.minimum(nearest, gradients.distances(gradients.at(before))[:, 0])
        free = ~np.isin(rows, chosen[:step])
        np.testing.assert_allclose((nearest / nearest.sum())[free], shares[step, rows][free], atol=1e-5)


def test_badge_draws_in_proportion_to_the_distances():
    p = np.array([[0.5, 0.5], [0.6, 0.4], [0.7, 0.3], [0.45, 0.55], [0.9, 0.1]], np.float32)
    features = np.eye(5, dtype=np.float32)
    gradients = Gradients.of(p, features)
    apart = gradients.distances(gradients.at(np.array([0])))[:, 0]
    apart[0] = 0.0
    nothing_yet = np.full(5, np.inf, np.float32)
    rng = np.random.default_rng(0)
    drawn = [seeding(gradients, nothing_yet, 2, rng)[0] for _ in range(4000)]
    assert {int(first) for first, _ in drawn} == {0}
    shares = np.bincount([second for _, second in drawn], minlength=5) / 4000
    np.testing.assert_allclose(shares, apart / apart.sum(), atol=0.03)


def test_bald_measures_the_same_disagreement():
    p = np.random.default_rng(0).dirichlet(np.full(5, 0.5), (80, 7)).astype(np.float32)
    theirs = batch_bald(p.swapaxes(0, 1).astype(np.float64), batch_size=1)[0]
    np.testing.assert_allclose(disagreement(p), theirs, atol=1e-4)
