"""Guidelines are Markdown that cannot harm the page."""

from __future__ import annotations

import pytest

from annotator.projects.markdown import to_html


def test_markdown_becomes_html() -> None:
    html = to_html("# Cups\n\nA *handle* means **cup**.\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n~~no~~ [docs](https://example.org)")
    for part in ("<h1>Cups</h1>", "<em>handle</em>", "<li>one</li>", "<td>1</td>", "<s>no</s>", 'href="https://example.org"'):
        assert part in html
    assert 'rel="noopener noreferrer nofollow"' in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[click](javascript:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](https://example.org/track.png)",
        "<a href='x' onclick='alert(1)'>x</a>",
        "<iframe src='//example.org'></iframe>",
        "<style>body{display:none}</style>",
        "<svg onload=alert(1)>",
        "`<script>alert(1)</script>`",
        "[x]: javascript:alert(1)\n\n[x]",
    ],
)
def test_scripts_do_not_get_through(text: str) -> None:
    from html.parser import HTMLParser

    seen: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            seen.append((tag, dict(attributes)))

    Reader().feed(to_html(text))
    assert {tag for tag, _ in seen} <= {"p", "a", "code"}
    for _, attributes in seen:
        assert not any(name.startswith("on") or name in {"src", "style"} for name in attributes)
        assert (attributes.get("href") or "").partition(":")[0] not in {"javascript", "data"}
