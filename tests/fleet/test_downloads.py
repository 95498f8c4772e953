"""The bytes of a bundle: for the device that was told to run it, and from where its last download broke off."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.storage import default_storage

from annotator.api.file_parts import wanted_part
from annotator.delivery.deploy import deploy
from annotator.delivery.models import Bundle
from annotator.projects.models import Project, User
from tests.fleet.conftest import BUNDLE_BYTES, Enrolled, MakeBundle
from tests.fleet.small_device import SmallDevice

ADDRESS = "/api/edge/bundles/1"


@pytest.fixture
def bundle(make_bundle: MakeBundle) -> Bundle:
    return make_bundle()


@pytest.fixture
def gate(enrolled: Enrolled, bundle: Bundle, project: Project, owner: User) -> SmallDevice:
    """It was told to run the bundle."""
    device = enrolled("gate")
    deploy(project=project, user=owner, bundle_id=bundle.pk, target="all")
    return device


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_the_whole_of_it(gate: SmallDevice, bundle: Bundle) -> None:
    answer = gate.get(ADDRESS)
    with default_storage.open(bundle.path) as file:
        assert content(answer) == file.read()
    assert (answer.status_code, answer["Content-Length"], answer["ETag"]) == (200, str(BUNDLE_BYTES), f'"{bundle.sha256}"')
    assert (answer["Content-Type"], answer["Accept-Ranges"]) == ("application/zip", "bytes")


def test_the_rest_of_it(gate: SmallDevice, bundle: Bundle) -> None:
    whole = content(gate.get(ADDRESS))
    answer = gate.get(ADDRESS, **{"Range": "bytes=4321-", "If-Range": f'"{bundle.sha256}"'})
    assert (answer.status_code, answer["Content-Range"]) == (206, f"bytes 4321-{BUNDLE_BYTES - 1}/{BUNDLE_BYTES}")
    assert content(answer) == whole[4321:]


def test_the_rest_of_another_is_the_whole_of_this(gate: SmallDevice) -> None:
    answer = gate.get(ADDRESS, **{"Range": "bytes=4321-", "If-Range": '"another"'})
    assert (answer.status_code, len(content(answer))) == (200, BUNDLE_BYTES)


def test_beyond_its_end_there_is_nothing(gate: SmallDevice) -> None:
    answer = gate.get(ADDRESS, Range=f"bytes={BUNDLE_BYTES}-")
    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{BUNDLE_BYTES}")


def test_who_has_it_is_not_sent_it_again(gate: SmallDevice, bundle: Bundle) -> None:
    assert gate.get(ADDRESS, **{"If-None-Match": f'"{bundle.sha256}"'}).status_code == 304


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-", (0, 100)), ("bytes=10-19", (10, 10)), ("bytes=90-200", (90, 10)), ("bytes=-7", (93, 7)),
        ("bytes=-700", (0, 100)), ("bytes=100-", (0, 0)), ("bytes=-0", (0, 0)), ("bytes=", None), ("bytes=-", None),
        ("bytes=5-2", None), ("bytes=0-1,5-6", None), ("lines=1-2", None),
    ],
)
def test_a_range_is_read_as_the_standard_says(header: str, part: tuple[int, int] | None) -> None:
    assert wanted_part(header, 100) == part


def test_a_device_gets_no_other_bundle_than_its_own(
    gate: SmallDevice, bundle: Bundle, enrolled: Enrolled, make_bundle: MakeBundle
) -> None:
    make_bundle()
    assert gate.get("/api/edge/bundles/2").status_code == 404, "it was not told to run it"
    assert enrolled("hall").get("/api/edge/bundles/2").status_code == 404, "nor was one that came in later"


def test_a_file_that_is_gone_is_told_in_a_sentence(gate: SmallDevice, bundle: Bundle) -> None:
    default_storage.delete(bundle.path)
    answer = gate.get(ADDRESS)
    assert answer.status_code == 404
    assert "missing from storage" in answer.json()["error"]["message"]
