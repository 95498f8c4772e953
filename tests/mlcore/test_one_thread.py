"""Small matrices are computed on one thread, and everything else as before."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from mlcore import loop, strategies
from mlcore.strategies.chance import random
from mlcore.threads import one_thread
from mlcore.types import Pool, Selection


def blas_threads() -> set[int]:
    """Of every BLAS that is loaded."""
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_within_it_blas_has_one_thread_and_afterwards_what_it_had() -> None:
    with threadpool_limits(3, user_api="blas"):
        with one_thread():
            assert blas_threads() == {1}
        assert blas_threads() == {3}


def test_a_turn_of_the_loop_takes_one_thread(monkeypatch) -> None:
    seen: list[set[int]] = []

    def looking(pool: Pool, k: int, *, seed: int) -> Selection:
        seen.append(blas_threads())
        return random(pool, k, seed=seed)

    monkeypatch.setitem(strategies.REGISTRY, "looking", looking)
    features = np.eye(12, 8, dtype=np.float32) + 0.01
    labels = np.array([0, 1, 0, 1, *[-1] * 8])
    nobody = np.zeros(12, np.bool_)
    with threadpool_limits(3, user_api="blas"):
        loop.step(
            features=features, labels=labels, n_classes=2, in_flight=nobody, excluded=nobody, k=3, strategy="looking"
        )
    assert seen
    assert set.union(*seen) == {1}
