"""Which images are held out, what each step sees, how the learning rate goes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.finetune.plan import batches, schedule, split
from tests.finetune.tiny import recipe


@given(labels=st.lists(st.integers(0, 4), min_size=2, max_size=80), seed=st.integers(0, 9))
def test_held_out_images_are_never_trained_on_and_no_class_loses_all(labels: list[int], seed: int) -> None:
    rows, given_labels = np.arange(len(labels)) * 3, np.asarray(labels)
    train, held_out = split(rows, given_labels, share=0.2, seed=seed)

    assert sorted([*train, *held_out]) == rows.tolist()
    assert len(held_out) >= 1
    if len(labels) > 10:
        assert set(given_labels[np.isin(rows, train)]) == set(labels)


@pytest.mark.parametrize("processes", [1, 3])
@given(count=st.integers(4, 100), batch=st.integers(1, 40))
def test_an_epoch_sees_each_image_once_and_no_step_starves_a_process(processes: int, count: int, batch: int) -> None:
    rows = np.arange(count) * 2
    steps = batches(rows, recipe=recipe(batch=batch), epoch=1, processes=processes)

    assert sorted(np.concatenate([step.rows for step in steps])) == rows.tolist()
    assert min(len(step.rows) for step in steps) >= min(processes, count)


def test_each_epoch_has_an_order_of_its_own() -> None:
    first, second = (batches(np.arange(50), recipe=recipe(), epoch=epoch, processes=1) for epoch in (1, 2))

    assert not np.array_equal(first[0].rows, second[0].rows)


@given(count=st.integers(4, 100), batch=st.integers(1, 40))
def test_each_image_is_blended_with_one_of_its_step(count: int, batch: int) -> None:
    for step in batches(np.arange(count), recipe=recipe(batch=batch), epoch=1, processes=1):
        assert sorted(step.partners) == list(range(len(step.rows)))
        assert ((step.shares >= 0) & (step.shares <= 1)).all()


def test_nothing_is_blended_where_nobody_wants_it() -> None:
    assert all((step.shares == 1).all() for step in batches(np.arange(50), recipe=recipe(mix=0.0), epoch=1, processes=1))


def test_the_rate_rises_and_then_falls_to_nearly_nothing() -> None:
    factors = [schedule(step, 100) for step in range(100)]
    top = int(np.argmax(factors))

    assert factors[top] == 1.0
    assert factors[: top + 1] == sorted(factors[: top + 1])
    assert factors[top:] == sorted(factors[top:], reverse=True)
    assert factors[-1] < 0.02
