"""Activations are computed once, for every picture and view; pixels where the whole network is trained."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch

from mlcore.finetune.inputs import Inputs, NoRoom
from mlcore.finetune.stages import cut
from tests.finetune.tiny import LOOK, network

Stripes = tuple[list[Path], np.ndarray]
CPU = torch.device("cpu")


def filled(folder: Path, stripes: Stripes, *, trunk: torch.nn.Module | None) -> Inputs:
    inputs = Inputs(folder, stripes[0], look=LOOK, views=2, trunk=trunk, device=CPU)
    inputs.make_room()
    inputs.fill(seen=lambda _: None, stop=lambda: False)
    return inputs


def test_the_tail_sees_what_the_trunk_gives(stripes: Stripes, tmp_path: Path) -> None:
    trunk, tail = cut(network(), 4)
    cached = filled(tmp_path / "activations", stripes, trunk=trunk)
    pixels = filled(tmp_path / "pixels", stripes, trunk=None)
    rows, views = np.array([3, 0, 17, 3]), np.array([0, 1, 0, 1])

    with torch.no_grad():
        straight = network()(pixels.batch(rows, views))
        through = tail(cached.batch(rows, views))
    # Half precision in between.
    torch.testing.assert_close(through, straight, atol=2e-3, rtol=2e-3)


def test_a_mirrored_view_is_mirrored(stripes: Stripes, tmp_path: Path) -> None:
    pixels = filled(tmp_path, stripes, trunk=None)
    rows = np.array([5])

    plain, mirrored = (pixels.batch(rows, np.array([view])) for view in (0, 1))

    assert not torch.equal(plain, mirrored)
    assert torch.equal(plain, mirrored.flip(3))


def test_the_files_are_as_large_as_was_said(stripes: Stripes, tmp_path: Path) -> None:
    inputs = filled(tmp_path, stripes, trunk=cut(network(), 4)[0])

    assert (tmp_path / "inputs.bin").stat().st_size == inputs.bytes_needed


def test_a_disk_that_is_too_small_is_a_sentence(stripes: Stripes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("Usage", "total used free")(10**9, 10**9, 0))

    with pytest.raises(NoRoom, match="disk is too small"):
        Inputs(tmp_path, stripes[0], look=LOOK, views=2, trunk=None, device=CPU).make_room()
    assert not list(tmp_path.glob("inputs*"))


def test_shares_of_several_processes_make_the_whole(stripes: Stripes, tmp_path: Path) -> None:
    trunk, _ = cut(network(), 4)
    alone = filled(tmp_path / "alone", stripes, trunk=trunk)
    shared = Inputs(tmp_path / "shared", stripes[0], look=LOOK, views=2, trunk=trunk, device=CPU)
    shared.make_room()
    for share in (1, 0):
        shared.fill(share=share, shares=2, seen=lambda _: None, stop=lambda: False)

    rows = alone.readable()
    assert torch.equal(alone.batch(rows, rows % 2), shared.batch(rows, rows % 2))
