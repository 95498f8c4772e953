"""Features on disk survive kills, other processes and repeats."""

import hashlib
import json
import multiprocessing
import os
import signal
import time

import numpy as np
import pytest

from mlcore.store import FeatureStore, StoreProblem


def keys(*numbers: int) -> list[str]:
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in numbers]


def vectors(*numbers: int, dim: int = 4) -> np.ndarray:
    return np.stack([np.full(dim, number, np.float32) for number in numbers]) if numbers else np.zeros((0, dim), np.float32)


def test_gives_back_what_was_stored(tmp_path):
    store = FeatureStore(tmp_path, "lite0-f32", 4)
    assert store.append(keys(1, 2, 3), vectors(1, 2, 3)).tolist() == [0, 1, 2]
    assert len(store) == 3
    assert store.rows(keys(3, 9, 1)).tolist() == [2, -1, 0]
    np.testing.assert_array_equal(store.gather([2, 0, 0]), vectors(3, 1, 1))
    assert store.gather([]).shape == (0, 4)


def test_is_there_when_opened_again(tmp_path):
    FeatureStore(tmp_path, "f", 4).append(keys(1, 2), vectors(1, 2))
    store = FeatureStore(tmp_path, "f", 4)
    np.testing.assert_array_equal(store.gather(store.rows(keys(2, 1))), vectors(2, 1))


def test_a_key_keeps_its_first_vector(tmp_path):
    store = FeatureStore(tmp_path, "f", 4)
    store.append(keys(1), vectors(1))
    assert store.append(keys(2, 1, 2), vectors(2, 7, 8)).tolist() == [1, 0, 1]
    assert len(store) == 2
    np.testing.assert_array_equal(store.gather([0, 1]), vectors(1, 2))


def test_a_reader_sees_what_others_append_once_it_looks(tmp_path):
    reader, writer = FeatureStore(tmp_path, "f", 4), FeatureStore(tmp_path, "f", 4)
    writer.append(keys(1), vectors(1))
    assert len(reader) == 0
    reader.refresh()
    writer.append(keys(2), vectors(2))
    reader.refresh()
    np.testing.assert_array_equal(reader.gather(reader.rows(keys(1, 2))), vectors(1, 2))


@pytest.mark.parametrize("torn", [("vectors.f16", 3), ("vectors.f16", 8), ("keys.sha256", 20)])
def test_a_torn_tail_is_ignored_and_then_overwritten(tmp_path, torn):
    """What a writer leaves that is killed between its first byte and its last."""
    store = FeatureStore(tmp_path, "f", 4)
    store.append(keys(1, 2), vectors(1, 2))
    name, extra = torn
    with (store.folder / name).open("ab") as file:
        file.write(b"\xff" * extra)
    again = FeatureStore(tmp_path, "f", 4)
    assert len(again) == 2
    again.append(keys(3), vectors(3))
    np.testing.assert_array_equal(again.gather(again.rows(keys(1, 2, 3))), vectors(1, 2, 3))


def test_a_key_that_lost_its_vector_is_forgotten(tmp_path):
    store = FeatureStore(tmp_path, "f", 4)
    store.append(keys(1, 2), vectors(1, 2))
    os.truncate(store.folder / "vectors.f16", 8)
    again = FeatureStore(tmp_path, "f", 4)
    assert again.rows(keys(1, 2)).tolist() == [0, -1]


def _append_for_ever(root):
    store = FeatureStore(root, "f", 256)
    for number in range(1_000_000):
        store.append(keys(number), vectors(number % 1000, dim=256))


def test_a_killed_writer_loses_nothing_that_was_whole(tmp_path):
    context = multiprocessing.get_context("fork")
    for _ in range(3):
        child = context.Process(target=_append_for_ever, args=(tmp_path,))
        child.start()
        size = tmp_path / "f" / "keys.sha256"
        before = size.stat().st_size if size.exists() else 0
        while not size.exists() or size.stat().st_size < before + 10 * 32:
            time.sleep(0.005)
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        store = FeatureStore(tmp_path, "f", 256)
        found = store.gather(store.rows(keys(*range(len(store)))))
        np.testing.assert_array_equal(found[:, 0], np.arange(len(store)) % 1000)
        assert len(store) >= 10


def _append_some(root, start):
    store = FeatureStore(root, "f", 4)
    for number in range(start, start + 40):
        store.append(keys(number, number + 1), vectors(number, number + 1))


def test_two_writers_take_turns(tmp_path):
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=_append_some, args=(tmp_path, start)) for start in (0, 20, 100)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    numbers = [*range(61), *range(100, 141)]
    store = FeatureStore(tmp_path, "f", 4)
    assert len(store) == len(numbers)
    np.testing.assert_array_equal(store.gather(store.rows(keys(*numbers))), vectors(*numbers))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e6])
def test_refuses_numbers_that_float16_cannot_hold(tmp_path, bad):
    store = FeatureStore(tmp_path, "f", 4)
    with pytest.raises(ValueError, match="not finite or too large"):
        store.append(keys(1), np.full((1, 4), bad))
    assert len(store) == 0


def test_refuses_vectors_of_another_length(tmp_path):
    with pytest.raises(ValueError, match=r"expected \(1, 4\)"):
        FeatureStore(tmp_path, "f", 4).append(keys(1), np.zeros((1, 5)))


def test_refuses_a_folder_made_for_another_length(tmp_path):
    FeatureStore(tmp_path, "f", 4)
    with pytest.raises(StoreProblem, match="holds 4 numbers an image, not 5"):
        FeatureStore(tmp_path, "f", 5)
    assert json.loads((tmp_path / "f" / "store.json").read_text())["dim"] == 4


def test_refuses_rows_that_are_not_there(tmp_path):
    store = FeatureStore(tmp_path, "f", 4)
    store.append(keys(1), vectors(1))
    for row in (-1, 1):
        with pytest.raises(IndexError, match="compute the missing features"):
            store.gather([row])
