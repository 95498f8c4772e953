"""Pooled features become short vectors of length 1 that keep what matters."""

import numpy as np
import pytest

from mlcore.projection import Projection


def pooled(n, dim=40, seed=0):
    rng = np.random.default_rng(seed)
    return np.maximum(rng.normal(0.3, 1.0, (n, 6)) @ rng.normal(size=(6, dim)) + rng.normal(size=(n, dim)), 0).astype(
        np.float32
    )


@pytest.mark.parametrize(("n", "d"), [(1, 1), (2, 1), (3, 2), (30, 29), (41, 40), (500, 40)])
def test_gives_as_many_axes_as_there_can_be(n, d):
    z = Projection().fit(pooled(n)).transform(pooled(n))
    assert z.shape == (n, d)
    assert z.dtype == np.float32


def test_gives_at_most_256_axes():
    assert Projection().fit(pooled(400, dim=700)).dim == 256


def test_rows_have_length_one():
    gap = pooled(100)
    np.testing.assert_allclose(np.linalg.norm(Projection().fit(gap).transform(gap), axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("n", [20, 300])
def test_is_the_centred_root_features_where_no_axis_is_dropped(n):
    """With every axis kept, cosines are those of sqrt -> length 1 -> minus mean."""
    gap = pooled(n)
    rooted = np.sqrt(gap)
    rooted /= np.linalg.norm(rooted, axis=1, keepdims=True)
    centred = rooted - rooted.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    z = Projection().fit(gap).transform(gap)
    np.testing.assert_allclose(z @ z.T, centred @ centred.T, atol=1e-4)


@pytest.mark.parametrize("n", [20, 300])
def test_axes_are_orthonormal_and_sorted_by_variance(n):
    projection = Projection().fit(pooled(n))
    np.testing.assert_allclose(projection.components_.T @ projection.components_, np.eye(projection.dim), atol=1e-4)
    rooted = np.sqrt(pooled(n))
    rooted /= np.linalg.norm(rooted, axis=1, keepdims=True)
    variance = ((rooted - projection.mean_) @ projection.components_).var(axis=0)
    assert (np.diff(variance) <= 1e-6).all()


def test_comes_back_whole_from_its_state():
    gap = pooled(50)
    projection = Projection().fit(gap)
    state = projection.state()
    assert {name: array.dtype for name, array in state.items()} == {"mean": np.float32, "components": np.float32}
    np.testing.assert_array_equal(Projection.from_state(state).transform(gap), projection.transform(gap))


def test_a_later_image_does_not_move_the_others():
    gap = pooled(60)
    projection = Projection().fit(gap[:50])
    np.testing.assert_allclose(projection.transform(gap)[:50], projection.transform(gap[:50]), atol=1e-6)


def test_a_black_image_is_still_a_finite_row():
    projection = Projection().fit(pooled(50))
    assert np.isfinite(projection.transform(np.zeros((2, 40), np.float32))).all()


def test_reads_the_half_precision_of_the_store():
    gap = pooled(50)
    projection = Projection().fit(gap)
    np.testing.assert_allclose(projection.transform(gap.astype(np.float16)), projection.transform(gap), atol=5e-3)


def test_refuses_what_cannot_be_learnt_from():
    with pytest.raises(ValueError, match="at least one image"):
        Projection().fit(np.zeros((0, 40)))
    with pytest.raises(ValueError, match="not finite"):
        Projection().fit(np.full((3, 40), np.nan))
