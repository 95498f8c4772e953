"""The numbers in the pages are those of benchmarks/results, and every aim that is missed says why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.__main__ import MEASUREMENTS, ON_REQUEST
from benchmarks.common import RESULTS
from benchmarks.learning_curves.figures import figures
from benchmarks.learning_curves.tables import PREFIX
from benchmarks.report import FIGURES, PAGES, filled, read_results
from benchmarks.tables import TABLES
from benchmarks.targets import TARGETS
from tests.docs.markdown import ROOT, name_of


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_page_says_what_the_results_say(page: Path) -> None:
    assert page.read_text() == filled(page.read_text(), read_results())


@pytest.mark.parametrize("name", [*MEASUREMENTS, *ON_REQUEST])
def test_every_measurement_has_a_result_a_table_and_a_place(name: str) -> None:
    # What is only measured on request may be missing; the page then says so.
    assert (RESULTS / f"{name}.json").is_file() or name in ON_REQUEST
    assert name in TABLES
    assert f"<!-- begin {name} -->" in (ROOT / "benchmarks" / "README.md").read_text()


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.aim)
def test_an_aim_is_met_or_says_why_not(target) -> None:
    results = read_results()
    if target.source not in results:
        # What takes very long or needs pictures that are not everywhere is only measured on request.
        assert target.source in ON_REQUEST or target.source.startswith(PREFIX)
        return
    _, met = target.judge(results[target.source]["result"])
    assert met or target.why_missed


def test_the_figures_show_what_the_results_say_and_there_are_no_others() -> None:
    assert {path.name: path.read_text() for path in FIGURES.glob("*.svg")} == figures(read_results())


def test_what_is_typed_between_the_marks_does_not_survive() -> None:
    text = "before\n<!-- begin loop -->\n1,000 times faster\n<!-- end loop -->\nafter\n"
    assert filled(text, {}) == "before\n<!-- begin loop -->\nNot measured yet.\n<!-- end loop -->\nafter\n"


def test_no_result_names_the_machine_it_was_taken_on() -> None:
    import socket

    name = re.compile(rf"\b{re.escape(socket.gethostname())}\b")
    assert not any(name.search(path.read_text()) for path in RESULTS.glob("*.json"))
