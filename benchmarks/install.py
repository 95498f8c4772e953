"""How long `make run` takes from a fresh clone to a served page, and again; how much disk the environment takes.

    python -m benchmarks.install [--json PATH]

Clones what is committed here into a temporary folder and runs make's own steps one after the other, so that each can be
timed. TORCH_INDEX and pip's own settings are taken from the environment. How long packages take to arrive depends on the
line: what is timed here is mostly unpacking when they come from a mirror nearby.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.common import ROOT, deliver, parser
from tests.installation import LINK

STEPS = {
    "environment_s": ".venv/.stamps/python", "pages_s": "frontend", "torch_s": ".venv/.stamps/torch",
    "packages_s": ".venv/.stamps/app",
}


def main() -> None:
    """Measure and deliver."""
    options = parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], check=True)
        steps = {name: make(clone, target) for name, target in STEPS.items()}
        first, second = (served(clone, Path(folder) / "data") for _ in range(2))
        result = {
            "steps": steps, "all_s": round(sum(steps.values()) + first, 1), "first_run_s": first, "second_run_s": second,
            "environment_mb": megabytes(clone / ".venv"), "clone_mb": megabytes(clone / ".git"),
            "pages_kb": round(1024 * megabytes(clone / "annotator" / "web" / "dist")),
        }
    deliver(result, options.json)


def make(clone: Path, target: str) -> float:
    """Seconds of one target."""
    began = time.perf_counter()
    subprocess.run(["make", target], cwd=clone, env=apart(), check=True, capture_output=True)
    return round(time.perf_counter() - began, 1)


def served(clone: Path, data: Path) -> float:
    """Seconds from `make run` to the address, which is printed when pages are served."""
    words = ["make", "run", f"ARGS=--port 0 --no-browser --data {data}"]
    began = time.perf_counter()
    process = subprocess.Popen(words, cwd=clone, env=apart(), stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if LINK.search(line):
                return round(time.perf_counter() - began, 2)
        raise RuntimeError("make run ended without an address")
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def apart() -> dict[str, str]:
    """The environment without what a `make bench` around this has put there."""
    return {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VENV")}


def megabytes(folder: Path) -> float:
    """On disk, links not followed."""
    size = sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir() or file.is_symlink())
    return round(size / 2**20, 1)


if __name__ == "__main__":
    main()
