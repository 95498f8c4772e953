"""The project's Markdown pages, and what the tests of the documentation read in them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^ {4}(\S.*)$", re.MULTILINE)
_LINK = re.compile(r"(?<!\\)!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
# Pages that are written for someone else's machine: what travels in a bundle.
_ELSEWHERE = ("mlcore/bundle_files/",)


def pages() -> list[Path]:
    """Every Markdown file of the project: those in git, and those that are about to be."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in said.stdout.splitlines() if not name.startswith(_ELSEWHERE) and (ROOT / name).is_file()]


def name_of(page: Path) -> str:
    """For the names of tests."""
    return page.relative_to(ROOT).as_posix()


def links(page: Path) -> list[str]:
    """What its links and pictures point at, code left out."""
    text = _FENCE.sub("", page.read_text())
    return _LINK.findall(re.sub(r"`[^`\n]*`", "", text))


def anchors(page: Path) -> set[str]:
    """The anchors of its headings, as GitHub makes them."""
    plain = (re.sub(r"[`*]|\[|\]\([^)]*\)", "", heading) for heading in _HEADING.findall(_FENCE.sub("", page.read_text())))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


def blocks(page: Path, language: str) -> list[str]:
    """Its fenced blocks in a language."""
    return [text for found, text in _FENCE.findall(page.read_text()) if found == language]


def shell_lines(page: Path) -> list[str]:
    """What it tells people to type: lines of shell blocks, and indented lines."""
    text = page.read_text()
    fenced = "".join(block for language, block in _FENCE.findall(text) if language in ("sh", "bash", "text"))
    return [*fenced.splitlines(), *_INDENTED.findall(_FENCE.sub("", text))]


def inline_code(page: Path) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`\n]+)`", _FENCE.sub("", page.read_text()))
