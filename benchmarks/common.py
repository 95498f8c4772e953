"""What all measurements share: the machine in words, spreads of numbers, and where results are written."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from mlcore.device import cpu_features, cpu_name_of_this_machine

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PACKAGES = ("torch", "torchvision", "openvino", "nncf", "numpy", "scikit-learn", "pillow", "django", "celery")


def machine() -> dict[str, Any]:
    """The machine and what it ran, without its name: enough to compare two results by."""
    return {
        "cpu": cpu_name_of_this_machine(),
        "cores": os.cpu_count(),
        "cpu_features": list(cpu_features()),
        "ram_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "commit": commit(),
        # What a result depends on, and not the results themselves.
        "changed": bool(_git("status", "--porcelain", "-uno", "--", "annotator", "mlcore", "benchmarks/*.py")),
    }


def commit() -> str:
    """The commit that is checked out."""
    return _git("rev-parse", "--short=12", "HEAD")


def now() -> str:
    """This minute, in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M")


def spread(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """Median and 95th percentile."""
    ordered = sorted(values)
    return {
        "p50": round(statistics.median(ordered), digits),
        "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], digits),
    }


def parser(about: str | None) -> argparse.ArgumentParser:
    """Of one measurement: its first sentence, and --json."""
    made = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    made.add_argument("--json", type=Path, metavar="PATH", help="write the numbers there instead of printing them")
    return made


def deliver(result: Any, path: Path | None) -> None:
    """Write or print the numbers."""
    text = json.dumps(result, indent=1) + "\n"
    if path is None:
        print(text, end="")
    else:
        path.write_text(text)


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
