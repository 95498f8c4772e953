"""docs/api.md has every route and method of the API, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.urls import URLPattern, URLResolver

from annotator.api.urls import urlpatterns
from tests.docs.markdown import DOCS, inline_code

METHODS = ("get", "post", "put", "patch", "delete")


def routes(patterns: list[URLPattern | URLResolver]) -> Iterator[tuple[str, str]]:
    """(METHOD, path with `<>` for each variable) of every view."""
    for one in patterns:
        assert isinstance(one, URLPattern)
        path, view = variables_out(str(one.pattern)), one.callback.view_class
        yield from ((method.upper(), path) for method in METHODS if hasattr(view, method))


def variables_out(path: str) -> str:
    """The path without the names of its variables, which the pages call as they like."""
    return re.sub(r"<[^>]*>", "<>", path)


def documented() -> set[tuple[str, str]]:
    """What the page has."""
    route = re.compile(r"(GET|POST|PUT|PATCH|DELETE) /?(?:api/)?([^\s?]+)")
    found = [route.fullmatch(code) for code in inline_code(DOCS / "api.md")]
    return {(one[1], variables_out(one[2])) for one in found if one}


def test_every_route_is_documented() -> None:
    assert set(routes(urlpatterns)) - documented() == set()


def test_no_route_is_documented_that_does_not_exist() -> None:
    elsewhere = {("GET", "events/projects/<>"), ("GET", "events/device"), ("GET", "events/fleet"), ("GET", "healthz")}
    assert documented() - set(routes(urlpatterns)) - elsewhere == set()
