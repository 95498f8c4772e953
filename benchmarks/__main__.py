"""Runs measurements one after the other, several times each, and keeps of each the run that was least disturbed.

    python -m benchmarks                      all of them, twice
    python -m benchmarks loop queue --runs 3
    python -m benchmarks learning_curves      how many labels it takes: only when named

Each runs in a process of its own and ends in benchmarks/results/<name>.json, beside the machine that it was taken on. The
least disturbed run is the one that took the least time from its first line to its last. Then the tables are written anew.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import RESULTS, ROOT, machine, now
from benchmarks.report import write_tables

# Left out unless named: `install` and `edge_runtime` download a gigabyte and more, `scikit` needs the extra `intel`, `peers`
# the extra `test`.
MEASUREMENTS = ("startup", "imports", "queue", "loop", "ranking", "heads", "features", "precision")
ON_REQUEST = ("install", "scikit", "peers", "finetune", "forecast", "backbones", "million", "edge_runtime", "edge_export")
# Takes half an hour or more, keeps every run that it has made, and writes a result for each set of pictures by itself.
BY_ITSELF = "learning_curves"


def main() -> None:
    """Run what is asked for; a measurement that fails ends it with what it said."""
    options = _options()
    for name in options.names or MEASUREMENTS:
        print(f"{name} ...", flush=True)
        if name == BY_ITSELF:
            subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT, check=True)
            continue
        runs = [run(name) for _ in range(options.runs)]
        best = min(runs, key=lambda one: one["elapsed_s"])
        # Only this measurement's table changes: its fellows keep the machine that they were taken on.
        (RESULTS / f"{name}.json").write_text(json.dumps({**best, "runs": len(runs)}, indent=1) + "\n")
        print(f"{name}: {', '.join(format(one['elapsed_s'], '.0f') for one in runs)} s", flush=True)
    write_tables()


def run(name: str) -> dict[str, Any]:
    """One run of one measurement."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        busy = os.getloadavg()[0]
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", "--json", str(path)], cwd=ROOT, check=True)
        elapsed = time.perf_counter() - began
        return {
            "name": name, "taken": now(), "elapsed_s": round(elapsed, 1), "load_before": round(busy, 1),
            "machine": machine(), "result": json.loads(path.read_text()),
        }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").partition("\n")[0])
    known = (*MEASUREMENTS, *ON_REQUEST, BY_ITSELF)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(known)}")
    parser.add_argument("--runs", type=int, default=2, help="how often each is run (default: %(default)s)")
    options = parser.parse_args()
    unknown = set(options.names) - set(known)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))} is not among {', '.join(known)}")
    return options


if __name__ == "__main__":
    main()
