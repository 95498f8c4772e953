"""Who a request is from: proven by its signature, young, and never seen before."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from annotator.delivery.revoke import revoke_device
from annotator.jobs import bus
from annotator.projects.models import Project, User
from annotator.projects.setup import archive_project
from mlcore.edge.message_signature import certificate_id
from tests.fleet.conftest import Enrolled
from tests.fleet.small_device import SmallDevice, line

SYNC = "/api/edge/sync"


@pytest.fixture
def device(enrolled: Enrolled) -> SmallDevice:
    return enrolled("gate")


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_device_is_known_by_its_signature(device: SmallDevice) -> None:
    assert device.says("enrolled")["order"] is None


def test_the_certificate_of_one_with_the_key_of_another_is_nobody(enrolled: Enrolled, device: SmallDevice) -> None:
    other = enrolled("door")
    device.certificate, other.certificate = other.certificate, device.certificate
    for one in (device, other):
        assert refusal(one.post(SYNC, one.report("enrolled"))) == (401, "signature")


def test_a_request_that_comes_twice_is_refused_the_second_time(device: SmallDevice) -> None:
    body = json.dumps(device.report("enrolled")).encode()
    headers = device.signed("POST", SYNC, body)
    first, second = (line().post(SYNC, body, content_type="application/json", headers=headers) for _ in range(2))
    assert first.status_code == 200
    assert refusal(second) == (401, "replayed")


@pytest.mark.parametrize("off", [-400, 400])
def test_a_clock_that_is_off_is_told_the_time(off: int, device: SmallDevice) -> None:
    answer = device.post(SYNC, device.report("enrolled"), created=int(time.time()) + off)
    assert refusal(answer) == (401, "clock")
    now = answer.json()["error"]["now"]
    assert device.post(SYNC, device.report("enrolled"), created=int(now)).status_code == 200


def test_without_redis_only_the_age_of_a_request_counts(device: SmallDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "raise_flag", lambda name, *, seconds: None)
    nonce = {"nonce": "a" * 32}
    assert [device.post(SYNC, device.report("enrolled"), **nonce).status_code for _ in range(2)] == [200, 200]
    assert refusal(device.post(SYNC, device.report("enrolled"), created=1)) == (401, "clock")


def test_a_body_that_was_changed_on_the_way_is_noticed(device: SmallDevice) -> None:
    headers = device.signed("POST", SYNC, b'{"state": "enrolled"}')
    answer = line().post(SYNC, b'{"state": "running"}', content_type="application/json", headers=headers)
    assert refusal(answer) == (401, "digest")


def test_a_signature_is_good_for_one_address(device: SmallDevice) -> None:
    for address in ("/api/edge/bundles/2", "/api/edge/bundles/1?x=1"):
        answer = line().get(address, headers=device.signed("GET", "/api/edge/bundles/1"))
        assert refusal(answer) == (401, "signature")


def test_a_certificate_that_nobody_knows_opens_nothing(device: SmallDevice) -> None:
    answer = device.post(SYNC, device.report("enrolled"), key_id="0" * 64)
    assert refusal(answer) == (401, "unknown_device")


def test_a_revoked_device_is_told_so(device: SmallDevice, owner: User) -> None:
    seen = device.row.last_seen
    revoke_device(device=device.row, user=owner)
    assert refusal(device.post(SYNC, device.report("enrolled"))) == (403, "revoked")
    assert device.row.last_seen == seen


def test_who_only_says_to_be_the_revoked_device_learns_nothing(
    device: SmallDevice, enrolled: Enrolled, owner: User
) -> None:
    revoke_device(device=device.row, user=owner)
    stranger = enrolled("door")
    answer = stranger.post(SYNC, stranger.report("enrolled"), key_id=certificate_id(device.certificate))
    assert refusal(answer) == (401, "signature")


def test_a_project_that_was_put_away_has_no_devices(device: SmallDevice, project: Project, owner: User) -> None:
    archive_project(project=project, user=owner)
    assert refusal(device.post(SYNC, device.report("enrolled"))) == (404, "not_found")


def test_unsigned_requests_open_nothing(device: SmallDevice) -> None:
    for answer in (line().post(SYNC), line().get("/api/edge/bundles/1")):
        assert refusal(answer) == (401, "unsigned")
