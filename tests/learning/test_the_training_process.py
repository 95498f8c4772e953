"""The process that trains: heard, stopped, never left behind; here a few lines of Python stand where torch would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from annotator.jobs import progress
from annotator.learning import trainer
from annotator.projects.errors import Invalid
from mlcore.finetune.task import Status


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    def write(lines: str) -> Path:
        path = tmp_path / "training.py"
        path.write_text(f"import sys, time, os, pathlib\nfolder = pathlib.Path({str(tmp_path)!r})\n{lines}\n")
        monkeypatch.setattr(trainer, "_words", lambda folder, processes: ["python3", str(path)])
        monkeypatch.setattr(trainer, "LOOK_SECONDS", 0.02)
        return tmp_path

    return write


def test_what_it_tells_is_told_on(script: Callable[[str], Path]) -> None:
    heard: list[Status] = []
    folder = script("time.sleep(0.1)")
    Status("running", 3.0, 10.0, "Epoch 1 of 2").write(folder)

    trainer.train(folder, processes=1, tell=heard.append, cancelled=lambda: False)

    assert heard[-1].message == "Epoch 1 of 2"


def test_it_is_asked_to_stop_before_it_is_made_to(script: Callable[[str], Path]) -> None:
    folder = script(
        "while not (folder / 'stop').exists(): time.sleep(0.01)\n(folder / 'stopped by itself').touch()\nsys.exit(4)"
    )

    with pytest.raises(progress.Cancelled):
        trainer.train(folder, processes=1, tell=lambda _: None, cancelled=lambda: True)
    assert (folder / "stopped by itself").exists()


def test_it_does_not_outlive_a_worker_that_has_lost_the_job(script: Callable[[str], Path]) -> None:
    folder = script("(folder / 'pid').write_text(str(os.getpid()))\ntime.sleep(60)")

    def taken(_: Status) -> None:
        if (folder / "pid").exists() and (folder / "pid").read_text():
            raise progress.Taken

    with pytest.raises(progress.Taken):
        trainer.train(folder, processes=1, tell=taken, cancelled=lambda: False)
    assert not Path(f"/proc/{(folder / 'pid').read_text()}").exists()


def test_its_sentence_is_the_jobs(script: Callable[[str], Path]) -> None:
    folder = script("sys.exit(3)")
    Status("failed", problem="Too few pictures.").write(folder)

    with pytest.raises(Invalid, match="Too few pictures"):
        trainer.train(folder, processes=1, tell=lambda _: None, cancelled=lambda: False)


def test_when_the_system_kills_it_memory_is_named(script: Callable[[str], Path]) -> None:
    folder = script("os.kill(os.getpid(), 9)")

    with pytest.raises(Invalid, match="memory ran out"):
        trainer.train(folder, processes=1, tell=lambda _: None, cancelled=lambda: False)


def test_a_crash_brings_its_last_words(script: Callable[[str], Path]) -> None:
    folder = script("raise ZeroDivisionError('half an image')")

    with pytest.raises(RuntimeError, match="half an image"):
        trainer.train(folder, processes=1, tell=lambda _: None, cancelled=lambda: False)


def test_several_processes_are_torchruns(tmp_path: Path) -> None:
    alone, four = (" ".join(trainer._words(tmp_path, count)) for count in (1, 4))

    assert "torch.distributed.run" not in alone
    assert "-m torch.distributed.run --standalone --nproc-per-node 4 -m mlcore.finetune.run" in four
