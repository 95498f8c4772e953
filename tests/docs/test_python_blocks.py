"""Python in the pages compiles, and what it imports of ours is there."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from tests.docs.markdown import blocks, name_of, pages

BLOCKS = [
    pytest.param(block, id=f"{name_of(page)}-{at}") for page in pages() for at, block in enumerate(blocks(page, "python"))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_it_compiles_and_imports_what_exists(block: str) -> None:
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in ("annotator", "mlcore"):
            module = importlib.import_module(str(node.module))
            assert [name.name for name in node.names if not hasattr(module, name.name)] == []


def test_there_is_python_to_check() -> None:
    assert len(BLOCKS) >= 2


def test_a_page_is_a_path(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text\n```python\nprint(1)\n```\n```sh\nls\n```\n")
    assert blocks(page, "python") == ["print(1)\n"]
