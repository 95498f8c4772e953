"""What looks alike is found: the nearest rows of one, and near duplicates in groups, whichever way they are looked for."""

import numpy as np
import pytest

from mlcore import neighbours
from mlcore.neighbours import DUPLICATE, Groups, alone, near_duplicates, nearest
from mlcore.types import Floats


def rows_with_twins(n: int = 900, seed: int = 0) -> Floats:
    """Clouds of rows; every tenth is a slightly changed copy of the one before it."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(12, 32))[rng.integers(12, size=n)] + rng.normal(size=(n, 32))
    twins = np.arange(10, n, 10)
    rows[twins] = rows[twins - 1] + 0.1 * rng.normal(size=(len(twins), 32))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def by_comparing_everything(rows: Floats) -> list[set[int]]:
    linked = [set(np.flatnonzero(row @ rows.T >= DUPLICATE).tolist()) for row in rows]
    groups: list[set[int]] = []
    for link in linked:
        apart = [group for group in groups if not group & link]
        groups = [*apart, link.union(*(group for group in groups if group & link))]
    return sorted((group for group in groups if len(group) > 1), key=min)


def as_sets(found: Groups) -> list[set[int]]:
    return [set(np.flatnonzero(found.root == root).tolist()) for root in np.unique(found.root[found.grouped])]


def test_the_nearest_are_those_with_the_highest_cosines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "SCAN", 100)
    rows = rows_with_twins()

    found, cosines = nearest(rows, rows[10], 12)

    assert found.tolist() == np.argsort(-(rows @ rows[10]), kind="stable")[:12].tolist()
    assert found[:2].tolist() == [10, 9] and cosines[0] == pytest.approx(1.0, abs=1e-5)


def test_asked_for_more_than_there_are_all_are_given() -> None:
    assert nearest(rows_with_twins(5), rows_with_twins(5)[0], 12)[0].shape == (5,)
    assert len(nearest(np.zeros((0, 32), np.float32), np.zeros(32, np.float32), 12)[0]) == 0


@pytest.mark.parametrize("exact", [True, False], ids=["one by one", "within cells"])
def test_near_duplicates_are_grouped(exact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "BLOCK", 64)
    monkeypatch.setattr(neighbours, "WIDE_BLOCK", 100)
    monkeypatch.setattr(neighbours, "CELL_ROWS", 50)
    if not exact:
        monkeypatch.setattr(neighbours, "EXACT_PAIRS", 0)
    rows = rows_with_twins()

    found = near_duplicates(rows)

    assert as_sets(found) == by_comparing_everything(rows)
    assert len(as_sets(found)) > 50
    alike = rows @ rows.T - 2 * np.eye(len(rows))
    np.testing.assert_allclose(found.cosine[found.grouped], alike.max(axis=1)[found.grouped], atol=1e-5)


@pytest.mark.parametrize("exact", [True, False], ids=["one by one", "within cells"])
def test_looking_at_new_rows_only_gives_the_same_in_the_end(exact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "CELL_ROWS", 100)
    if not exact:
        monkeypatch.setattr(neighbours, "EXACT_PAIRS", 0)
    rows = rows_with_twins()
    known = alone(0)
    for count in (305, 306, 900):
        before = Groups(np.arange(count), np.zeros(count, np.float32))
        before.root[: len(known.root)], before.cosine[: len(known.root)] = known.root, known.cosine
        known = near_duplicates(rows[:count], new=np.arange(count) >= len(known.root), known=before)

    assert as_sets(known) == by_comparing_everything(rows)


def test_a_row_between_two_others_links_them() -> None:
    angles = np.radians([0, 20, 40, 90])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    found = near_duplicates(rows)

    assert found.root.tolist() == [0, 0, 0, 3]
    assert found.grouped.tolist() == [True, True, True, False]


def test_many_copies_of_one_row_are_one_group() -> None:
    rows = np.repeat(rows_with_twins(1), 3000, axis=0)

    found = near_duplicates(rows)

    assert not found.root.any() and found.grouped.all()


def test_few_rows_and_none_are_fine() -> None:
    assert len(near_duplicates(np.zeros((0, 4), np.float32)).root) == 0
    assert not near_duplicates(rows_with_twins(1)).grouped.any()
