"""What the pages ask: devices, the line to paste, deployments; and what they may change."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from annotator.delivery import keys
from annotator.projects.models import AuditEntry, Project
from tests.fleet.conftest import Enrolled, MakeBundle
from tests.fleet.small_device import Act, SmallDevice


@pytest.fixture
def base(project: Project) -> str:
    return f"/api/projects/{project.pk}"


@pytest.fixture
def gate(enrolled: Enrolled) -> SmallDevice:
    return enrolled("gate", "doors")


def test_a_code_comes_with_the_line_to_paste(as_owner: Client, base: str) -> None:
    made = as_owner.post(f"{base}/devices/codes", {"name": "gate"}, "application/json", headers={"Host": "127.0.0.1:8000"})
    assert made.status_code == 201
    answer = made.json()
    assert re.fullmatch(r"[2-9A-Z]{4}-[2-9A-Z]{4}", answer["code"])
    assert answer["line"] == f"curl -fsS http://127.0.0.1:8000/edge/install.sh | sh -s -- --code {answer['code']}"


def test_over_tls_the_line_pins_the_key_that_answers(as_owner: Client, base: str, settings: LazySettings) -> None:
    settings.DEVICE_URL = "https://192.168.1.5:8443"
    line = as_owner.post(f"{base}/devices/codes", {}, "application/json").json()["line"]
    assert f"--pinnedpubkey sha256//{keys.pin()} https://192.168.1.5:8443/edge/install.sh" in line.replace("'", "")
    settings.DEVICE_PIN = "AAAA="
    assert "sha256//AAAA=" in as_owner.post(f"{base}/devices/codes", {}, "application/json").json()["line"]


@pytest.mark.parametrize(
    ("url", "host", "expected"),
    [
        ("", "127.0.0.1:8000", ("http://127.0.0.1:8000", False, False)),
        ("", "testserver", ("http://127.0.0.1:80", False, False)),
        ("https://192.168.1.5:8443", "127.0.0.1:8000", ("https://192.168.1.5:8443", True, True)),
        ("https://127.0.0.1:8443", "127.0.0.1:8000", ("https://127.0.0.1:8443", True, False)),
    ],
)
def test_the_page_says_whether_devices_elsewhere_get_here(
    url: str, host: str, expected: tuple[str, bool, bool], as_owner: Client, base: str, settings: LazySettings
) -> None:
    settings.DEVICE_URL = url
    address = as_owner.get(f"{base}/devices", headers={"Host": host}).json()["address"]
    assert (address["url"], address["tls"], address["reachable"]) == expected
    assert address["reachable"] == (address["why_not"] == "")


def test_devices_are_listed_with_how_they_are(as_owner: Client, base: str, gate: SmallDevice) -> None:
    gate.says("enrolled")
    [row] = as_owner.get(f"{base}/devices").json()["devices"]
    assert row == as_owner.get(f"{base}/devices/{gate.id}").json()
    assert (row["id"], row["name"], row["group"]) == (gate.id, "gate", "doors")
    assert (row["online"], row["privacy"]) == (True, "nothing")


def test_what_a_device_may_keep_and_send_is_changed_and_written_down(
    as_owner: Client, base: str, gate: SmallDevice
) -> None:
    changes = {"name": " hall\n2 ", "group": "", "privacy": "images", "keep_per_hour": 5, "latency_budget_ms": 40}
    row = as_owner.patch(f"{base}/devices/{gate.id}", changes, "application/json").json()
    assert row == row | changes | {"name": "hall 2"}
    assert gate.says("enrolled")["settings"]["privacy"] == "images"
    assert AuditEntry.objects.get(action="device.changed").detail["privacy"] == "images"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"), ({"privacy": "all"}, "privacy"), ({"keep_per_hour": -1}, "keep_per_hour"),
        ({"keep_mb": 10**9}, "keep_mb"), ({"latency_budget_ms": 0}, "latency_budget_ms"), ({"state": "running"}, "state"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(
    changes: dict[str, Any], field: str, as_owner: Client, base: str, gate: SmallDevice
) -> None:
    answer = as_owner.patch(f"{base}/devices/{gate.id}", changes, "application/json")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


def test_a_device_is_revoked_and_stays_in_sight(as_owner: Client, base: str, gate: SmallDevice) -> None:
    assert as_owner.delete(f"{base}/devices/{gate.id}").status_code == 204
    [row] = as_owner.get(f"{base}/devices").json()["devices"]
    assert (row["state"], row["online"]) == ("revoked", False)
    assert AuditEntry.objects.get(action="device.revoked").detail["name"] == "gate"


def test_a_deployment_is_made_watched_and_taken_back(
    as_owner: Client, base: str, gate: SmallDevice, make_bundle: MakeBundle, act: Act
) -> None:
    first, second = make_bundle(), make_bundle()
    for bundle in (first, second):
        with act():
            asked = {"bundle": bundle.pk, "target": "devices", "devices": [gate.id]}
            made = as_owner.post(f"{base}/deployments", asked, "application/json")
        assert made.status_code == 201
        gate.takes(bundle)
    row = as_owner.get(f"{base}/deployments/{made.json()['id']}").json()
    assert (row["state"], row["number"], row["created_by"]) == ("done", 2, "olga")
    assert [one["state"] for one in row["deliveries"]] == ["running"]
    assert [one["number"] for one in as_owner.get(f"{base}/deployments").json()] == [2, 1]
    back = as_owner.post(f"{base}/devices/{gate.id}/rollback", {}, "application/json")
    assert (back.status_code, back.json()["number"], back.json()["rollback"]) == (201, 1, True)
    cancelled = as_owner.post(f"{base}/deployments/{back.json()['id']}/cancel", {}, "application/json")
    assert cancelled.json()["state"] == "cancelled"
    again = as_owner.post(f"{base}/deployments/{row['id']}/rollback", {}, "application/json")
    assert [(one["number"], one["target"]) for one in again.json()] == [(1, "devices")]


def test_an_older_bundle_without_a_word_of_going_back_is_a_conflict(
    as_owner: Client, base: str, gate: SmallDevice, make_bundle: MakeBundle
) -> None:
    first, second = make_bundle(), make_bundle()
    gate.runs = second
    gate.says("running")
    answer = as_owner.post(f"{base}/deployments", {"bundle": first.pk, "target": "all"}, "application/json")
    assert (answer.status_code, answer.json()["error"]["field"]) == (409, "rollback")
