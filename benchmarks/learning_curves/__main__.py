"""How many labels each way of choosing needs, on pictures whose labels are known: ours, the naive recipe, other libraries.

    python -m benchmarks.learning_curves                            the usual sets, every method
    python -m benchmarks.learning_curves FOLDER [FOLDER ...] --strategies ours,naive --seeds 5 --labels 200

FOLDER is a folder of classes, one with train and test, a CSV file (path, label, split), or a set that comes in a package:
digits, digits-tail, elpv, elpv-4. It takes minutes a set. Runs that are there are kept, so it may be stopped anywhere
and goes on where it stopped; what is there is written to benchmarks/results/learning_curves-SET.json in any case.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.common import RESULTS, ROOT, machine, now
from benchmarks.learning_curves.methods import METHODS, named
from benchmarks.learning_curves.runs import Plan, merged, take
from benchmarks.learning_curves.sets import read_set, usual_sets

PREFIX = "learning_curves-"


def main() -> None:
    """Take what is missing of each set, and write what all its runs say."""
    about = (__doc__ or "").partition("\n")[0]
    made = argparse.ArgumentParser(prog="python -m benchmarks.learning_curves", description=about)
    made.add_argument("sets", nargs="*", metavar="FOLDER", help="default: every usual set that is there")
    made.add_argument("--strategies", metavar="NAMES", help="names or families with commas: ours, scikit-activeml/badge")
    made.add_argument("--seeds", type=int, default=5, help="repeats, each with its own split (default: %(default)s)")
    made.add_argument("--labels", type=int, default=200, help="that every method gets (default: %(default)s)")
    made.add_argument("--limit", type=int, default=500, help="where those that are compared stop (default: %(default)s)")
    made.add_argument("--batch", type=int, default=10, help="labels between two choices (default: %(default)s)")
    made.add_argument("--cache", type=Path, default=ROOT / "var" / "benchmarks", help="keeps features and runs")
    made.add_argument("--results", type=Path, default=RESULTS, help="where the results go")
    options = made.parse_args()
    try:
        methods = named([word for word in (options.strategies or "").split(",") if word])
    except ValueError as problem:
        made.error(str(problem))
    for source in options.sets or usual_sets():
        images = read_set(source, options.cache)
        plan = Plan(options.labels, options.limit, options.batch, options.seeds).within(images)
        take(images, methods, plan, options.cache)
        write(merged(images, list(METHODS.values()), plan, options.cache), options.results)


def write(result: dict[str, Any], folder: Path) -> Path:
    """One line a method, so that another measurement changes few lines."""
    methods = result.pop("methods")
    head = {"name": f"{PREFIX}{result['set']}", "taken": now(), "machine": machine(), "result": {**result, "methods": None}}
    lines = ",\n".join(f"   {json.dumps(name)}: {json.dumps(said)}" for name, said in methods.items())
    text = json.dumps(head, indent=1).replace('"methods": null', f'"methods": {{\n{lines}\n  }}')
    place = folder / f"{PREFIX}{result['set']}.json"
    place.write_text(text + "\n")
    return place


if __name__ == "__main__":
    main()
