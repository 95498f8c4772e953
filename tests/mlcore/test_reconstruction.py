"""What a class's labelled images explain worst comes first, and the classes take turns."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from mlcore.strategies import REGISTRY
from mlcore.strategies.reconstruction import principal_axes, reconstruction_error
from mlcore.types import Pool


@pytest.mark.parametrize("labels", [2, 5, 60])
def test_the_error_is_that_of_a_pca_with_995_thousandths_of_the_variance(clusters, labels):
    data = clusters(n=200, dim=24, spread=0.8)
    pca = PCA(0.995).fit(data.features[:labels])
    back = pca.inverse_transform(pca.transform(data.features))
    mean, axes = principal_axes(data.features[:labels])
    assert len(axes) == pca.n_components_
    expected = ((data.features - back) ** 2).sum(axis=1)
    np.testing.assert_allclose(reconstruction_error(data.features, mean, axes), expected, atol=1e-5)


def test_one_labelled_image_explains_only_itself(clusters):
    features = clusters(n=20).features
    mean, axes = principal_axes(features[:1])
    assert len(axes) == 0
    expected = ((features - features[0]) ** 2).sum(axis=1)
    np.testing.assert_allclose(reconstruction_error(features, mean, axes), expected, atol=1e-5)


def test_classes_take_turns_however_often_they_are_predicted(clusters):
    data = clusters(n=300, n_classes=3, shares=[0.8, 0.1, 0.1])
    labels = np.where(np.arange(300) < 60, data.truth, -1)
    p = np.eye(3, dtype=np.float32)[data.truth]
    nobody = np.zeros(300, bool)
    found = REGISTRY["reconstruction"](Pool(data.features, p, labels, nobody, nobody, 3), 9, seed=0)
    assert np.bincount(data.truth[found.indices]).tolist() == [3, 3, 3]
    assert found.scores[0] == found.scores[2] > found.scores[3]


def test_a_new_look_of_a_known_class_is_found(clusters):
    data = clusters(n=200, n_classes=2, spread=0.3)
    features, new = data.features.copy(), np.array([150, 180])
    features[new] = np.eye(24, dtype=np.float32)[:2]
    labels = np.where(np.arange(200) < 60, data.truth, -1)
    nobody = np.zeros(200, bool)
    predicted = data.truth.copy()
    predicted[new] = [0, 1]
    pool = Pool(features, np.eye(2, dtype=np.float32)[predicted], labels, nobody, nobody, 2)
    assert set(REGISTRY["reconstruction"](pool, 2, seed=0).indices.tolist()) == {150, 180}
