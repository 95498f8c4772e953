"""The supervisor starts again what dies, ends what it started, and is outlived by nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.installation import wait_until

# A supervisor over one process, which has a process of its own: `hang` leaves neither by itself, however it is asked.
SCRIPT = """
import sys
from pathlib import Path
from annotator.supervisor.child import Child
from annotator.supervisor.log_file import LogFile
from annotator.supervisor.supervise import Supervisor
import annotator.supervisor.supervise as module
module.TIME_TO_FINISH = module.TIME_TO_DROP = float(sys.argv[3])
with Supervisor(say=lambda s: print(s, flush=True), verbose=False) as supervisor:
    child = Child(name="sleeper", argv=[sys.executable, "-c", sys.argv[1]], log=LogFile(Path(sys.argv[2])))
    supervisor.start(child)
    child.watched = True
    supervisor.run()
print("ended", flush=True)
"""
SLEEP = "import time; print('hello', flush=True); time.sleep(600)"
HANG = """
import signal, subprocess, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
    signal.signal(number, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print('hello', flush=True)
time.sleep(600)
"""


class Supervised:
    def __init__(self, program: str, log: Path, *, patience: float = 0.5) -> None:
        self.log = log
        words = [sys.executable, "-c", SCRIPT, program, str(log), str(patience)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        wait_until(lambda: log.exists() and log.read_text().count("hello") == 1, "the child's first word")

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def finish(self) -> str:
        said, _ = self.process.communicate(timeout=60)
        return said


def gone(processes: list[psutil.Process]) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


def test_a_killed_process_is_started_again_and_it_is_said(tmp_path: Path) -> None:
    supervised = Supervised(SLEEP, tmp_path / "log")
    supervised.family()[0].kill()
    wait_until(lambda: supervised.log.read_text().count("hello") == 2, "the second start")
    supervised.process.terminate()
    assert "The sleeper process stopped (killed by SIGKILL); starting it again in 0.5 s." in supervised.finish()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ending_it_ends_everything_even_what_does_not_listen(tmp_path: Path, number: signal.Signals) -> None:
    supervised = Supervised(HANG, tmp_path / "log")
    family = supervised.family()
    assert len(family) == 2
    supervised.process.send_signal(number)
    assert "ended" in supervised.finish()
    assert gone(family)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems end the children at the next start")
def test_a_killed_supervisor_takes_its_children_with_it(tmp_path: Path) -> None:
    supervised = Supervised(SLEEP, tmp_path / "log")
    family = supervised.family()
    os.kill(supervised.process.pid, signal.SIGKILL)
    supervised.finish()
    wait_until(lambda: gone(family), "the end of the children")


def test_a_second_request_to_end_does_not_wait(tmp_path: Path) -> None:
    # The child never ends by itself, and an hour of patience is more than the test has.
    supervised = Supervised(HANG, tmp_path / "log", patience=3600)
    supervised.process.terminate()
    wait_until(lambda: supervised.process.poll() is not None or supervised.process.send_signal(signal.SIGTERM), "the end")
    assert "ended" in supervised.finish()
