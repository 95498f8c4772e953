"""A run that was killed or stopped ends with the very weights of one that was not."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mlcore.finetune.outcome import Progress, Result, Stopped
from tests.finetune.tiny import same, tune

Stripes = tuple[list[Path], np.ndarray]


class Killed(BaseException):
    """Nothing in the run expects it, as nothing expects a SIGKILL."""


def killed_at(epoch: int, step: int):
    """What ends a run at the n-th step of an epoch; epoch 0 is filling the cache."""
    steps = 0

    def look(progress: Progress) -> None:
        nonlocal steps
        if progress.epoch == epoch:
            steps += 1
            if steps == step:
                raise Killed

    return look


@pytest.fixture(scope="module")
def straight(stripes: Stripes, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Result]:
    """What a run that nothing disturbs comes to; each kind is made once."""
    return cache(lambda mode: tune(tmp_path_factory.mktemp("straight"), *stripes, mode=mode, checkpoint_steps=2))


@pytest.mark.parametrize("mode", ["partial", "full"])
@pytest.mark.parametrize(
    ("epoch", "step"), [(0, 2), (1, 1), (2, 3), (3, 1)],
    ids=["while reading pictures", "before any checkpoint", "amid an epoch", "between epochs"],
)
def test_the_same_weights_come_out(
    stripes: Stripes, straight: Callable[[str], Result], tmp_path: Path, mode: str, epoch: int, step: int
) -> None:
    with pytest.raises(Killed):
        tune(tmp_path / "killed", *stripes, mode=mode, checkpoint_steps=2, progress=killed_at(epoch, step))
    resumed = tune(tmp_path / "killed", *stripes, mode=mode, checkpoint_steps=2)

    assert same(resumed.weights, straight(mode).weights)
    assert resumed.history == straight(mode).history


def test_it_may_be_stopped_again_and_again(stripes: Stripes, tmp_path: Path) -> None:
    straight = tune(tmp_path / "straight", *stripes)
    stops = 0
    while True:
        asked = 0

        def every_fifth_time() -> bool:
            nonlocal asked
            asked += 1
            return asked == 5

        try:
            resumed = tune(tmp_path / "stopped", *stripes, should_stop=every_fifth_time)
        except Stopped:
            stops += 1
        else:
            break

    assert stops > 2
    assert same(resumed.weights, straight.weights)


def test_what_was_read_is_not_read_again(stripes: Stripes, tmp_path: Path) -> None:
    pictures, labels = stripes
    straight = tune(tmp_path / "straight", pictures, labels)

    with pytest.raises(Killed):
        tune(tmp_path / "killed", pictures, labels, progress=killed_at(2, 1))
    resumed = tune(tmp_path / "killed", [tmp_path / "gone.png"] * len(pictures), labels)

    assert same(resumed.weights, straight.weights)
