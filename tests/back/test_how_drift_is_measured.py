"""PSI and MMD give other people's numbers, see a shift that is there, and are silent about chance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats
from sklearn.metrics.pairwise import rbf_kernel

from mlcore import drift

Floats = npt.NDArray[np.float32]
REFERENCE = np.asarray([0] * 10 + [2, 4, 8, 15, 30, 60, 90, 150, 300, 900])


def unit(points: npt.NDArray[np.float64]) -> Floats:
    """Of length 1, as the features of a bundle are."""
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def cloud(count: int, seed: int, *, shift: float = 0.0) -> Floats:
    """Points about three centres in 32 dimensions; with a shift, further along one direction."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(3, 32))
    return unit(centres[rng.integers(0, 3, count)] + rng.normal(size=(count, 32)) + shift)


def drawn(count: int, seed: int, shares: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """A histogram of so many answers."""
    return np.random.default_rng(seed).multinomial(count, shares / shares.sum())


def test_the_psi_is_the_divergence_both_ways() -> None:
    e, f = np.asarray([10.0, 20.0, 30.0]) + 0.5, np.asarray([30.0, 20.0, 10.0]) + 0.5
    assert drift.psi([10, 20, 30], [30, 20, 10]) == pytest.approx(stats.entropy(e, f) + stats.entropy(f, e))


def test_the_psi_of_a_histogram_with_itself_is_nothing() -> None:
    assert drift.psi(REFERENCE, REFERENCE) == pytest.approx(0.0)


def test_an_empty_bin_gives_a_number_and_one_that_both_leave_empty_says_nothing() -> None:
    assert 0 < drift.psi([50, 50, 0], [50, 45, 5]) < 1
    assert drift.psi([50, 50, 0], [60, 40, 0]) == drift.psi([50, 50], [60, 40])


@pytest.mark.parametrize(
    ("expected", "found", "words"),
    [
        ([1, 2], [1, 2, 3], "same bins"), ([0, 0], [1, 2], "empty"), ([1, -2], [1, 2], "no count"),
        ([1, 2], [1, np.nan], "no count"),
    ],
)
def test_what_is_no_histogram_is_refused_in_a_sentence(expected: list[float], found: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        drift.psi(expected, found)


@pytest.mark.parametrize("degrees", [1, 3, 9, 19])
def test_what_chance_does_is_the_chi_square_of_the_textbook(degrees: int) -> None:
    assert drift._chi_square(0.999, degrees) == pytest.approx(stats.chi2.ppf(0.999, degrees), rel=0.04)


@pytest.mark.parametrize("answers", [20, 60, 200, 2000])
def test_answers_as_before_raise_no_alarm_however_few_they_are(answers: int) -> None:
    shifts = [drift.confidence_shift(REFERENCE, drawn(answers, seed, REFERENCE)) for seed in range(300)]
    assert sum(shift.large for shift in shifts) <= 3
    assert all(shift.threshold >= drift.LARGE for shift in shifts)


@pytest.mark.parametrize("answers", [200, 2000])
def test_a_model_that_is_far_less_sure_is_seen(answers: int) -> None:
    unsure = np.asarray([0] * 10 + [100, 100, 100, 100, 100, 100, 100, 100, 100, 100])
    assert drift.confidence_shift(REFERENCE, drawn(answers, 1, unsure)).large


def test_the_mmd_is_that_of_the_kernels_of_scikit_learn() -> None:
    x, y, width = cloud(30, 1), cloud(40, 2, shift=0.3), 1.3
    xx, yy, xy = (rbf_kernel(a, b, gamma=1 / (2 * width**2)) for a, b in ((x, x), (y, y), (x, y)))
    expected = (xx.sum() - 30) / (30 * 29) + (yy.sum() - 40) / (40 * 39) - 2 * xy.mean()
    assert drift.mmd(x, y, width) == pytest.approx(expected, rel=1e-4)


def test_the_p_value_is_that_of_scipys_permutation_test() -> None:
    x, y = cloud(40, 3), cloud(25, 4, shift=0.12)
    width = drift.bandwidth(x)
    both = np.concatenate([x, y])

    def statistic(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> float:
        return drift.mmd(both[first], both[second], width)

    theirs = stats.permutation_test(
        (np.arange(40), np.arange(40, 65)), statistic, permutation_type="independent", alternative="greater",
        n_resamples=400, rng=np.random.default_rng(5), vectorized=False,
    )
    ours = drift.features_shift(x, y, rounds=2000)
    assert ours is not None and ours.p_value is not None
    assert 0.01 < theirs.pvalue < 0.5, "else the comparison says nothing"
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=0.06)


def test_the_width_is_the_median_distance() -> None:
    x = cloud(20, 6)
    apart = [float(np.linalg.norm(x[i] - x[j])) for i in range(20) for j in range(i)]
    assert drift.bandwidth(x) == pytest.approx(np.median(apart), rel=1e-4)
    assert drift.bandwidth(np.ones((5, 3), np.float32)) == 1.0


@pytest.mark.parametrize("count", [10, 400])
def test_pictures_as_before_raise_no_alarm_however_few_they_are(count: int) -> None:
    reference = cloud(256, 7)
    shifts = [drift.features_shift(reference, cloud(count, seed), rounds=100) for seed in range(100, 125)]
    assert sum(shift.large for shift in shifts if shift) <= 1


@pytest.mark.parametrize("count", [60, 400])
def test_pictures_of_another_place_are_seen(count: int) -> None:
    shift = drift.features_shift(cloud(256, 7), cloud(count, 8, shift=0.5))
    assert shift is not None and shift.large
    assert shift.p_value is not None and shift.p_value < 0.01


def test_fewer_vectors_than_ten_tell_nothing() -> None:
    assert drift.features_shift(cloud(256, 7), cloud(9, 8, shift=5.0)) is None
    assert drift.features_shift(cloud(9, 7), cloud(60, 8)) is None


def test_the_same_vectors_give_the_same_answer() -> None:
    seen = cloud(700, 9)
    assert drift.features_shift(cloud(256, 7), seen) == drift.features_shift(cloud(256, 7), seen)
