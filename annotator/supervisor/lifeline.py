"""Ties a child process to its parent, so that even a killed supervisor leaves nothing running."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def tied_to(parent: int, signal_number: int) -> Callable[[], None] | None:
    """What a child runs between fork and exec so that the kernel sends it `signal_number` when `parent` dies.

    None where the kernel has no such thing (macOS): there a child that outlived its supervisor ends at the next start.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal_number)
        if os.getppid() != parent:  # it died between our fork and this line
            os.kill(os.getpid(), signal_number)

    return tie
