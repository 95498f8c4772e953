"""A pool refuses arrays that cannot be meant."""

from __future__ import annotations

import numpy as np
import pytest

from mlcore.types import Pool


def pool(probabilities: np.ndarray) -> Pool:
    nobody = np.zeros(3, np.bool_)
    return Pool(np.eye(3, dtype=np.float32), probabilities, np.full(3, -1), nobody, nobody, 2)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("wrong", [[np.nan], [np.inf], [np.inf, -np.inf]])
def test_a_probability_that_is_not_finite_is_refused(wrong: list[float]) -> None:
    p = np.full((3, 2), 0.5, np.float32)
    p[: len(wrong), 0] = wrong
    with pytest.raises(ValueError, match="not finite"):
        pool(p)


def test_numbers_whose_sum_is_too_large_are_finite_all_the_same() -> None:
    large = np.full((3, 2), 3e38, np.float32)
    with np.errstate(over="ignore"):
        assert pool(large).probabilities is large


def test_probabilities_of_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match=r"probabilities is \(2, 2\), expected \(3, 2\)"):
        pool(np.full((2, 2), 0.5, np.float32))
