"""Striped pictures, one thread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.finetune.tiny import write_pictures


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny sums are not worth a second one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], np.ndarray]:
    """Pictures and their classes."""
    return write_pictures(tmp_path_factory.mktemp("stripes"))
