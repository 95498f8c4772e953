"""The agent's side of a trial: start it, wait for it within limits, and tell in a sentence how it ended."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlcore.edge
from mlcore.edge.agent.download import Stopped

# Seconds that a trial may take, loading included; the slowest boards take half a minute to compile a network.
LIMIT = 180.0

_POLL = 0.2

_MODULE = "mlcore.edge.agent.trial"


class TrialFailed(Exception):
    """The bundle is not fit for this device; the message is a sentence that says why."""


def prove(
    folder: Path,
    *,
    precision: str | None,
    device: str,
    budget_ms: float | None,
    wait: Callable[[float], bool],
    limit: float = LIMIT,
) -> dict[str, Any]:
    """Let the bundle at ``folder`` try itself in a child; answers what it measured (see trial.try_bundle) and budget_ms.

    ``wait`` sleeps so many seconds and returns True to stop. Raises TrialFailed, Stopped.
    """
    words = [sys.executable, "-m", _MODULE, str(folder), "--device", device]
    if precision:
        words += ["--precision", precision]
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=said, stderr=complained, env=_environment()) as child:
            end = time.monotonic() + limit
            while child.poll() is None:
                stopped = wait(_POLL)
                if stopped or time.monotonic() > end:
                    child.kill()
                    child.wait()
                    if stopped:
                        raise Stopped
                    raise TrialFailed(f"The new model did not finish its trial within {limit:g} seconds.")
            code = child.returncode
        said.seek(0)
        complained.seek(0)
        result = _read(code, said.read(), complained.read())
    return _judge(result, budget_ms)


def _judge(result: dict[str, Any], budget_ms: float | None) -> dict[str, Any]:
    if budget_ms is not None and result["p50_ms"] > budget_ms:
        raise TrialFailed(
            f"The new model is too slow here: half of the answers take longer than {result['p50_ms']:.1f} ms, "
            f"the budget is {budget_ms:g} ms."
        )
    return {**result, "budget_ms": budget_ms}


def _environment() -> dict[str, str]:
    """Ours, and a path on which the child finds this very package."""
    package = str(Path(mlcore.edge.__file__).parents[2])
    path = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([package, path]) if path else package}


def _read(code: int, said: bytes, complained: bytes) -> dict[str, Any]:
    if code < 0:
        raise TrialFailed(f"The new model's trial {_by_signal(-code)}.")
    try:
        result = json.loads(said.splitlines()[-1])
        good = result.pop("ok")
    except (IndexError, ValueError, KeyError, AttributeError) as problem:
        lines = complained.decode("utf-8", "replace").strip().splitlines()
        raise TrialFailed(f"The new model's trial ended with code {code}: {lines[-1] if lines else 'no word'}") from problem
    if not good:
        raise TrialFailed(f"The new model failed its trial: {result.get('why')}")
    return dict(result)


def _by_signal(number: int) -> str:
    if number == signal.SIGKILL:
        return "was ended by the system, most likely because the device has too little memory for it"
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = str(number)
    return f"crashed ({name})"
