"""`python -m mlcore.finetune.run` with the real backbone: killed half-way and started again, it leaves a tuned one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from mlcore import backbones
from mlcore.finetune.checkpoint import NAME
from mlcore.finetune.outcome import Result
from mlcore.finetune.recipe import Recipe
from mlcore.finetune.run import DONE, PROBLEM, Teller, main
from mlcore.finetune.task import Status, Task, read_result
from tests.docs.markdown import ROOT

LONGEST = 120.0


def process(folder: Path) -> subprocess.Popen[bytes]:
    """A run of its own."""
    words, environment = [sys.executable, "-m", "mlcore.finetune.run", str(folder)], {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(words, cwd=ROOT, env=environment, stderr=subprocess.PIPE)


def until(happened: Path, running: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + LONGEST
    while not happened.exists():
        assert running.poll() is None, running.stderr and running.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.02)


def run_here(folder: Path) -> int:
    """The same in the process of the test, which is left as it was."""
    try:
        return main([str(folder), "--guardian", str(os.getpid())])
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.fixture
def task(tmp_path: Path, photos: Path) -> Task:
    """Six photos each of two classes."""
    folders = sorted(path for path in photos.iterdir() if path.is_dir())[:2]
    pictures = [str(path) for folder in folders for path in sorted(folder.iterdir())[:6]]
    recipe = Recipe(epochs=2, batch=5, checkpoint_steps=1, mirror=False)
    return Task(
        backbone="lite0", tuned=str(tmp_path / "tuned"), pictures=pictures, labels=[0] * 6 + [1] * 6, classes=2,
        recipe=recipe.as_dict(), device="cpu", title="Lite0, tuned", made_at="2026-01-01T00:00:00+00:00",
    )


def test_killed_it_goes_on_and_leaves_a_backbone(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "work"
    task.write(folder)
    with process(folder) as first:
        until(folder / NAME, first)
        first.send_signal(signal.SIGKILL)
    assert read_result(folder) is None

    # Whatever the photos are.
    monkeypatch.setattr(Result, "improved", property(lambda _: True))
    assert run_here(folder) == DONE

    result = read_result(folder)
    assert result is not None
    assert Status.read(folder).state == "done"
    assert len(result["history"]) == 3
    tuned = backbones.find(result["backbone"], tmp_path / "tuned")
    base = backbones.find("lite0")
    assert (tuned.title, tuned.base, tuned.dim) == ("Lite0, tuned", "lite0", base.dim)
    assert tuned.fingerprint("f32") != base.fingerprint("f32")
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 3, 64, 64)).astype(np.float32))
    with torch.inference_mode():
        assert not torch.allclose(tuned.module()(x), base.module()(x))


@pytest.mark.parametrize("asked", [True, False], ids=["buried", "not buried yet"])
def test_it_ends_when_whoever_started_it_has_ended(tmp_path: Path, asked: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        os.waitid(os.P_PID, gone.pid, os.WEXITED | (0 if asked else os.WNOWAIT))
        with pytest.raises(SystemExit):
            Teller(tmp_path, leads=True, guardian=gone.pid).should_stop()

    assert not Teller(tmp_path, leads=True, guardian=os.getpid()).should_stop()


def test_what_is_wrong_is_left_as_a_sentence(task: Task, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    Task(**{**vars(task), "pictures": ["gone.jpg"] * 12}).write(folder)

    assert run_here(folder) == PROBLEM
    assert "Too few pictures" in Status.read(folder).problem
