"""Fine-tuning in a process of its own: torch comes and goes with it, and whoever labels is served first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from annotator.jobs.progress import Cancelled
from annotator.projects.errors import Invalid, NoSpace
from mlcore.device import cores
from mlcore.finetune.task import STOP, Status

MODULE = "mlcore.finetune.run"
ROOT = Path(__file__).resolve().parents[2]
# How often the run is looked after, and how long it may take to stop, in seconds.
LOOK_SECONDS, STOP_SECONDS = 1.0, 30.0
# Everything else on the machine goes first.
NICE = 10
LOG, LOG_LENGTH = "output.log", 3000
KILLED = (
    "The training process was killed, most likely because memory ran out: close other programs or take the mode partial, "
    "then start it again."
)


def threads() -> int:
    """Cores that fine-tuning may take: as set, else all but one, so that labelling has one to itself."""
    return settings.TRAIN_THREADS or max(1, cores() - 1)


def train(folder: Path, *, processes: int, tell: Callable[[Status], None], cancelled: Callable[[], bool]) -> None:
    """Run the task of a folder to its end; it goes on where an earlier run of the same folder was killed.

    processes: under torchrun where more than one. Raises Cancelled, or a DomainError with the sentence of what is wrong.
    """
    (folder / STOP).unlink(missing_ok=True)
    with (folder / LOG).open("wb") as output:
        run = subprocess.Popen(
            _words(folder, processes), env=_environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while run.poll() is None:
            tell(Status.read(folder))
            if cancelled():
                (folder / STOP).touch()
                _wait(run, STOP_SECONDS)
                raise Cancelled
            time.sleep(LOOK_SECONDS)
    finally:
        # Nothing may go on writing into the folder once this worker has let go of the job.
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
    if run.returncode != 0:
        _explain(folder, run.returncode)
    tell(Status.read(folder))


def _explain(folder: Path, code: int) -> None:
    status = Status.read(folder)
    if status.state == "stopped":
        raise Cancelled
    if status.state == "failed":
        raise NoSpace(status.problem) if "disk" in status.problem else Invalid(status.problem)
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        raise Invalid(KILLED)
    said = (folder / LOG).read_text(errors="replace")[-LOG_LENGTH:]
    raise RuntimeError(f"The training process ended with exit code {code}. It said:\n{said}")


def _words(folder: Path, processes: int) -> list[str]:
    python = [sys.executable, "-P", "-m"]
    launcher = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m"] if processes > 1 else []
    options = {"--threads": max(1, threads() // processes), "--nice": NICE, "--guardian": os.getpid()}
    return [*python, *launcher, MODULE, str(folder), *(str(word) for pair in options.items() for word in pair)]


def _environment() -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": str(threads())}


def _wait(run: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        run.wait(seconds)
    except subprocess.TimeoutExpired:
        return
