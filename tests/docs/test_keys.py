"""The keys in docs/labelling.md are those of the page, in its order and its words."""

from __future__ import annotations

import re

from tests.docs.markdown import DOCS, ROOT

COMMAND = re.compile(r"\{ name: '([a-z-]+)', title: '([^']+)', group: '\w+', keys: \[([^\]]*)\]")
PRINTED = {
    "ArrowLeft": "←", "ArrowRight": "→", "ArrowUp": "↑", "ArrowDown": "↓", "Escape": "Esc", "Delete": "Del", "Mod": "Ctrl",
}


def printed(key: str) -> str:
    """A key as the pages write it."""
    parts = re.split(r"\+(?=.)", key)
    return " ".join(PRINTED.get(part, part.upper() if len(part) == 1 else part) for part in parts)


def commands_of_the_page() -> dict[str, list[str]]:
    """Title -> keys, from the one list that the page has."""
    source = (ROOT / "frontend/src/screens/label/commands.ts").read_text()
    return {title: [printed(key) for key in re.findall(r"'([^']+)'", keys)] for _, title, keys in COMMAND.findall(source)}


def documented() -> dict[str, list[str]]:
    """The same from the table."""
    rows = re.findall(r"^\| (`.+`) \| ([^|]+) \|$", (DOCS / "labelling.md").read_text(), re.MULTILINE)
    return {title: re.findall(r"`([^`]+)`", keys) for keys, title in rows}


def test_the_documented_keys_are_those_of_the_page() -> None:
    assert len(commands_of_the_page()) > 10
    assert documented() == commands_of_the_page()
