"""A process that keeps failing is started again ever more slowly; one that recovered, at once."""

import sys
from pathlib import Path

import pytest

from annotator.supervisor import child as child_module
from annotator.supervisor.child import FIRST_WAIT, LONGEST_WAIT, Child
from annotator.supervisor.log_file import LogFile


@pytest.fixture
def failing(tmp_path: Path) -> Child:
    return Child(name="failing", argv=[sys.executable, "-c", "raise SystemExit(3)"], log=LogFile(tmp_path / "log"))


def run_once(child: Child) -> float:
    """Start it, let it end, and plan the next start; returns the wait in seconds."""
    child.start()
    assert child.process is not None
    child.process.communicate()
    return child.plan_restart()


def test_each_failure_in_a_row_doubles_the_wait(failing: Child) -> None:
    assert [run_once(failing) for _ in range(3)] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]


def test_the_wait_has_an_upper_bound(failing: Child) -> None:
    run_once(failing)
    assert [failing.plan_restart() for _ in range(20)][-1] == LONGEST_WAIT


def test_a_process_that_ran_for_long_starts_over(failing: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    run_once(failing)
    monkeypatch.setattr(child_module, "STEADY", -1.0)
    assert run_once(failing) == FIRST_WAIT


def test_it_says_how_it_ended(failing: Child) -> None:
    run_once(failing)
    assert failing.how_it_ended() == "exit code 3"
    killed = Child(name="k", argv=[sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], log=None)
    run_once(killed)
    assert killed.how_it_ended() == "killed by SIGKILL"
