"""The API describes itself, completely and without a warning."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from tests.api.routes import ANYONE, all_routes


@pytest.fixture(scope="module")
def schema() -> dict:
    return SchemaGenerator().get_schema(request=None, public=True)


def test_it_validates_without_a_warning(tmp_path: Path) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))
    assert (tmp_path / "schema.yml").stat().st_size > 10_000


@pytest.mark.parametrize("route", [route for route in all_routes() if not route.path.endswith("/")], ids=str)
def test_every_route_is_in_it_and_explained(schema: dict, route) -> None:
    import re

    path = "/api/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route.path)
    operation = schema["paths"][path][route.method.lower()]
    assert operation.get("description"), "it says what it does"
    assert {"token": []} in operation.get("security", []) or route.who == ANYONE or not route.for_people
    assert any(status.startswith("2") for status in operation["responses"])


def test_operations_have_names_of_their_own(schema: dict) -> None:
    names = [operation["operationId"] for path in schema["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


def test_there_is_a_page_to_read_it(db: None) -> None:
    page = Client().get("/api/docs/")
    assert page.status_code == 200
    assert b"swagger" in page.content.lower()
    assert "https://" not in page.content.decode().replace("https://www.w3.org", ""), "nothing is fetched from elsewhere"
