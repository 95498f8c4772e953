"""What the pages tell people to type exists: commands, options, targets of make, modules."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from annotator.cli import COMMANDS, parse
from tests.docs.markdown import DOCS, ROOT, inline_code, name_of, pages, shell_lines

TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
OPTIONS = dict(
    re.findall(r"^## annotator (\S+)\n(.*?)(?=^## |\Z)", (DOCS / "commands.md").read_text(), re.MULTILINE | re.DOTALL)
)


def typed(page: Path) -> list[list[str]]:
    """The command lines of a page as words, without what is said beside them; several on a line are several."""
    found = []
    for line in shell_lines(page):
        command = re.split(r"\s{2,}", line.strip())[0]
        for part in re.split(r"\s(?:&&|\|)\s", command):
            try:
                words = shlex.split(part, comments=True)
            except ValueError:  # prose between quotes, not a command
                continue
            if words:
                found.append([words[0].rpartition("/")[2], *words[1:]])
    return found


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_the_commands_in_its_blocks_are_taken_as_they_are_written(page: Path) -> None:
    for program, *words in typed(page):
        if program == "annotator" and words and words[0] in COMMANDS:
            parse(words)


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_the_commands_that_it_speaks_of_exist_with_their_options(page: Path) -> None:
    for code in inline_code(page):
        words = code.split()
        if words[0] == "annotator" and len(words) > 1 and words[1] != "COMMAND":
            assert words[1] in COMMANDS, code
            for option in re.findall(r"--[a-z-]+", code):
                assert f"`{option}`" in OPTIONS[words[1]], code


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_the_targets_of_make_exist(page: Path) -> None:
    lines = [words for words in typed(page) if words[0] == "make"]
    lines += [code.split() for code in inline_code(page) if code.startswith("make ")]
    for line in lines:
        named = [word for word in line[1:] if "=" not in word and word != "..."]
        assert set(named) <= TARGETS, line


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_the_modules_that_python_is_to_run_exist(page: Path) -> None:
    ours = ("annotator", "benchmarks", "mlcore", "tests")
    for words in typed(page):
        if "-m" in words[:-1] and (module := words[words.index("-m") + 1]).partition(".")[0] in ours:
            path = ROOT / module.replace(".", "/")
            assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), words


def test_the_quickstart_begins_with_make_run_and_ends_with_an_answer() -> None:
    lines = [words for words in typed(DOCS / "quickstart.md") if words[0] in ("make", "annotator", "python")]
    assert lines[0] == ["make", "run"]
    assert lines[-1] == ["python", "run.py", "sample.jpg"]
