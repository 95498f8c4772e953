"""Keys find their rows, however many there are and however alike they look."""

import hashlib

import numpy as np
import pytest

from mlcore import key_index
from mlcore.key_index import KeyIndex, as_keys


def keys(*numbers: int) -> np.ndarray:
    return as_keys([hashlib.sha256(str(number).encode()).hexdigest() for number in numbers])


@pytest.fixture(params=[0, 5, 1000], ids=["all sorted", "some sorted", "none sorted"])
def recent(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_index, "RECENT", request.param)


@pytest.mark.usefixtures("recent")
def test_every_key_has_the_row_at_which_it_came() -> None:
    index = KeyIndex()
    for start in range(0, 60, 3):
        index.add(keys(start, start + 1, start + 2))

    assert len(index) == 60
    assert index.find(keys(*range(70))).tolist() == [*range(60), *[-1] * 10]


@pytest.mark.usefixtures("recent")
def test_of_equal_keys_the_first_counts() -> None:
    index = KeyIndex()
    index.add(keys(1, 2, 1))
    index.add(keys(3, 2, 1, 4, 5, 6))

    assert index.find(keys(1, 2, 3, 6)).tolist() == [0, 1, 3, 8]


@pytest.mark.usefixtures("recent")
def test_keys_whose_sorted_bits_are_equal_are_told_apart() -> None:
    """The words of a key in another order give the same 64 bits."""
    words = np.arange(1, 5, dtype=np.uint64)
    orders = [np.roll(words, shift).view(np.uint8) for shift in range(4)]
    index = KeyIndex()
    index.add(np.stack(orders[:3]))
    index.add(keys(*range(6)))

    assert index.find(np.stack(orders)).tolist() == [0, 1, 2, -1]


def test_nothing_is_found_in_nothing() -> None:
    assert KeyIndex().find(keys(1)).tolist() == [-1]


@pytest.mark.parametrize("name", ["ab", "zz" * 32])
def test_what_is_no_key_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        as_keys([name])
