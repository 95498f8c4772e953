"""Writes the numbers of benchmarks/results/*.json into the pages and draws their figures, so that none is typed by hand.

    python -m benchmarks.report

A block stands between `<!-- begin NAME -->` and `<!-- end NAME -->`; what is between them is replaced.
"""

from __future__ import annotations

import json
import re
from typing import Any

from benchmarks import targets
from benchmarks.common import RESULTS, ROOT
from benchmarks.learning_curves.figures import write_figures
from benchmarks.learning_curves.tables import BLOCKS, front
from benchmarks.tables import TABLES

BEGIN, END = r"<!-- begin ([a-z_-]+) -->\n", r"<!-- end [a-z_-]+ -->"
PAGES = (
    ROOT / "benchmarks" / "README.md", ROOT / "README.md", ROOT / "docs" / "learning-curves.md",
    ROOT / "docs" / "active-learning.md",
)
FIGURES = ROOT / "docs" / "figures"


def main() -> None:
    """Write the pages."""
    write_tables()


def write_tables() -> None:
    """Put what the results say into every page that has a place for it."""
    results = read_results()
    for page in PAGES:
        page.write_text(filled(page.read_text(), results))
    write_figures(results, FIGURES)


def read_results() -> dict[str, dict[str, Any]]:
    """Every result by its name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}


def filled(text: str, results: dict[str, dict[str, Any]]) -> str:
    """The page with its blocks written anew. A block whose result is missing says so."""
    return re.sub(
        rf"({BEGIN}).*?({END})", lambda found: f"{found[1]}{block(found[2], results)}\n{found[3]}", text, flags=re.DOTALL
    )


def block(name: str, results: dict[str, dict[str, Any]]) -> str:
    """What stands in one block."""
    if name == "machine":
        return machines(results)
    if name == "targets":
        return targets.table(results)
    if name == "measured-short":
        return short(results)
    if name in BLOCKS:
        return BLOCKS[name](results)
    if name not in results:
        return "Not measured yet."
    one = results[name]
    return f"{TABLES[name](one['result'])}\n\n{origin(one)}"


def origin(one: dict[str, Any]) -> str:
    """When and from what a result was taken."""
    changed = ", with changes" if one["machine"]["changed"] else ""
    taken = f"Taken {one['taken']} UTC at {one['machine']['commit']}{changed}"
    if "runs" not in one:
        return f"{taken}."
    runs = f"the least disturbed of {one['runs']} runs" if one["runs"] > 1 else "one run"
    return f"{taken}: {runs}, load before it {one['load_before']}."


def machines(results: dict[str, dict[str, Any]]) -> str:
    """The machines that the results were taken on, each once."""
    found = {describe(one["machine"]): None for one in results.values()}
    return "\n".join(f"- {line}" for line in found)


def describe(machine: dict[str, Any]) -> str:
    """One machine in a sentence."""
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return (
        f"{machine['cpu']}, {machine['cores']} cores ({', '.join(machine['cpu_features'])}), {machine['ram_gb']} GB, "
        f"{machine['system']}, Python {machine['python']}, {packages}"
    )


def short(results: dict[str, dict[str, Any]]) -> str:
    """For the front page: what it costs to have it."""
    lines = []
    if "install" in results:
        install = results["install"]["result"]
        build = "the CPU build" if "+cpu" in results["install"]["machine"]["packages"]["torch"] else "the usual build"
        lines += [
            f"- **Install**, clone to first page: {install['all_s']:.0f} s with packages from a mirror nearby; "
            f"{install['environment_mb'] / 1000:.1f} GB on disk with {build} of torch.",
            f"- **`make run` again**: pages after {install['second_run_s']} s.",
        ]
    if "startup" in results:
        startup = results["startup"]["result"]
        mb = startup["pss_total_mb"]
        lines.append(
            f"- **Memory** of all processes together: {mb['idle']:.0f} MB at rest, {mb['peak']:.0f} MB at most while "
            "importing, computing features and learning."
        )
    if told := front(results):
        lines.append(told)
    return "\n".join(lines) or "Not measured yet."


if __name__ == "__main__":
    main()
