"""Before the first images come: the bulk worker has the networks converted that projects use, in a process of its own.

The first conversion of a network loads torch and takes many seconds, for which the first import would otherwise wait. The
process gives way to the others, ends with the worker, and has nothing to do from the second start on.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from typing import Any

from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings
from django.db import DatabaseError, connection

from annotator.projects.models import Project
from annotator.supervisor.lifeline import tied_to

log = logging.getLogger(__name__)

QUEUE = "bulk"
# By then the pages are up and have been fetched.
DELAY_SECONDS = 3

_under_way: list[subprocess.Popen[str]] = []


def convert_ahead() -> subprocess.Popen[str]:
    """Start the process that converts what is missing of the default backbone and of those that projects use."""
    folders = ["--folder", str(settings.DATA_DIR / "ir"), "--tuned", str(settings.DATA_DIR / "tuned")]
    words = ["-m", "mlcore.backbones", "--wait", str(DELAY_SECONDS), "--device", settings.DEVICE, *folders, *_asked_for()]
    return subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        preexec_fn=tied_to(os.getpid(), signal.SIGTERM),
    )


def _asked_for() -> list[str]:
    try:
        return sorted(set(Project.objects.values_list("backbone", flat=True)))
    except DatabaseError as error:
        log.info("which networks projects use is not known: %s", error)
        return []
    finally:
        # The worker's main process has no other use for one.
        connection.close()


@worker_ready.connect
def _begin(sender: Any, **_: Any) -> None:
    if QUEUE in sender.hostname.partition("@")[0].split("-"):
        process = convert_ahead()
        _under_way.append(process)
        threading.Thread(target=_see_it_end, args=(process,), name="converting", daemon=True).start()


@worker_shutting_down.connect
def _finish(**_: Any) -> None:
    for process in _under_way:
        process.terminate()


def _see_it_end(process: subprocess.Popen[str]) -> None:
    _, said = process.communicate()
    if process.returncode > 0:
        log.warning("A network could not be converted ahead; its first import will say why: %s", said.strip()[-500:])
