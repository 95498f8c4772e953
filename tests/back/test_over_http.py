"""The same over HTTP: signed by the device's key, refused in sentences, and shown to those who may see it."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from annotator import pipeline
from annotator.delivery.alerts import watch
from annotator.delivery.keys import issue_device
from annotator.delivery.models import Alert, Device, Sighting, Vitals
from annotator.delivery.sightings import take_sighting
from annotator.images.models import Image
from annotator.projects.access import note
from annotator.projects.models import Membership, Project, User
from mlcore.edge.message_signature import certificate_id, sign_request
from tests.back.devices import make_device, packed, seen, sights, this_minute
from tests.images.pictures import encoded, picture


class Caller:
    """A device's own requests."""

    def __init__(self, device: Device) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        public = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        certificate = issue_device(public, str(device.pk))
        self.key_id = certificate_id(certificate)
        Device.objects.filter(pk=device.pk).update(certificate=certificate, fingerprint=self.key_id)

    def send(self, path: str, body: bytes, kind: str) -> Any:
        headers = sign_request(method="POST", path=path, body=body, key=self.key, key_id=self.key_id)
        return Client().generic("POST", path, body, kind, headers=headers)

    def vitals(self, *buckets: dict[str, Any]) -> Any:
        return self.send("/api/edge/vitals", json.dumps({"buckets": buckets}).encode(), "application/json")

    def sighting(self, meta: object, **parts: Any) -> Any:
        text = meta if isinstance(meta, str) else json.dumps(meta)
        return self.send("/api/edge/sightings", encode_multipart(BOUNDARY, {"meta": text, **parts}), MULTIPART_CONTENT)


@pytest.fixture
def caller(device: Device) -> Caller:
    """Lobby, with its key."""
    return Caller(device)


@pytest.fixture
def as_owner(owner: User) -> Client:
    """Olga's browser."""
    client = Client()
    client.force_login(owner)
    return client


def bucket(**changes: Any) -> dict[str, Any]:
    """A minute as devices tell it."""
    return {
        "at": this_minute(1).isoformat(), "bundle": 1, "count": 40, "errors": 0, "p50_ms": 8.1, "p95_ms": 12.3,
        "throughput": 20.5, "confidence": [0] * 19 + [40], "classes": {"cup": 40},
        "features": base64.b64encode(packed(sights(8, 1))).decode(),
    } | changes


def meta(**changes: Any) -> dict[str, Any]:
    """What is said of a picture."""
    return {
        "id": str(uuid4()), "bundle": 1, "reason": "unseen", "margin": 0.7, "distance": 1.2, "label": "cup",
        "confidence": 0.8, "seen_at": this_minute(1).isoformat(), "privacy": "images",
    } | changes


def photo(number: int = 0) -> SimpleUploadedFile:
    return SimpleUploadedFile("a.jpg", encoded(picture(number)), "image/jpeg")


def test_minutes_are_taken_and_a_retry_is_told(caller: Caller) -> None:
    assert caller.vitals(bucket()).json() == {"stored": 1, "known": 0, "passed_over": 0}
    assert caller.vitals(bucket()).json() == {"stored": 0, "known": 1, "passed_over": 0}
    assert Vitals.objects.get().features is not None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"at": "yesterday"}, "at"), ({"count": -1}, "count"), ({"confidence": [1, 2]}, "confidence"),
        ({"confidence": [0] * 19 + [-1]}, "confidence"), ({"p95_ms": -3}, "p95_ms"), ({"features": "%%"}, "features"),
        ({"classes": {"cup": "many"}}, "classes"), ({"classes": {"x" * 201: 1}}, "classes"),
        ({"classes": {"\0": 1}}, "classes"), ({"bundle": "first"}, "bundle"),
        ({"features": "A" * 90_001}, "features"),
    ],
)
def test_minutes_out_of_bounds_are_refused_with_their_field(caller: Caller, change: dict[str, Any], field: str) -> None:
    answer = caller.vitals(bucket(**change))
    assert answer.status_code == 400
    assert field in answer.json()["error"]["message"] and "buckets" in answer.json()["error"]["field"]
    assert not Vitals.objects.exists()


def test_a_field_of_a_newer_runtime_does_no_harm(caller: Caller) -> None:
    assert caller.vitals(bucket(temperature=61)).json()["stored"] == 1


def test_a_picture_is_taken_and_features_are_computed(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    arrived: list[int] = []
    monkeypatch.setattr(pipeline, "images_arrived", arrived.append)
    said = meta()
    features = base64.b64encode(packed(sights(1, 1))).decode()
    first = caller.sighting(said, image=photo(), features=features).json()
    again = caller.sighting(said, image=photo(), features=features).json()
    image = Image.objects.get()
    assert first == {"status": "stored", "image": image.pk, "message": ""}
    assert (again["status"], again["image"]) == ("duplicate", image.pk)
    assert arrived == [image.project_id]


def test_what_privacy_forbids_is_refused_by_the_server(caller: Caller) -> None:
    Device.objects.update(privacy="features")
    answer = caller.sighting(meta(), image=photo()).json()
    assert (answer["status"], answer["image"]) == ("refused", None)
    assert answer["message"] == "Its owner lets this device send features, and no images."
    assert not Image.objects.exists() and not Sighting.objects.exists()


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("no JSON", "meta"), ("[1]", "meta"), (meta(reason="bored"), "reason"), (meta(id="7"), "id"),
        (meta(margin=2), "margin"), (meta(privacy="none"), "privacy"), (meta(seen_at="now"), "seen_at"),
    ],
)
def test_what_is_said_out_of_bounds_is_refused_with_its_field(caller: Caller, said: object, field: str) -> None:
    answer = caller.sighting(said, image=photo())
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    assert not Sighting.objects.exists()


def test_only_a_device_that_is_known_and_not_revoked_gets_in(caller: Caller, as_owner: Client) -> None:
    assert as_owner.post("/api/edge/vitals", {"buckets": []}, "application/json").status_code == 401
    Device.objects.update(revoked_at=this_minute())
    assert caller.vitals(bucket()).status_code == 403
    assert caller.sighting(meta(), image=photo()).status_code == 403


def test_a_task_and_an_image_say_which_device_sent_them(device: Device, project: Project, as_owner: Client) -> None:
    take_sighting(device=device, seen=seen(), image=encoded(picture(1)))
    take_sighting(device=make_device(project, "Gate"), seen=seen(reason="unseen"), image=encoded(picture(2)))
    base = f"/api/projects/{project.pk}"
    lobby = {"id": str(device.pk), "name": "Lobby", "reason": "torn"}
    rows = as_owner.get(f"{base}/images").json()["results"]
    assert [row["device"]["name"] for row in rows] == ["Lobby", "Gate"]
    assert [row["device"] for row in as_owner.get(f"{base}/images?device={device.pk}").json()["results"]] == [lobby]
    tasks = as_owner.post(f"{base}/tasks/next", {"client": "a", "count": 2}, "application/json").json()["tasks"]
    assert lobby in [task["device"] for task in tasks]


def test_alerts_are_listed_and_seen(device: Device, project: Project, as_owner: Client) -> None:
    Device.objects.update(state="failed", why="The disk is full.")
    watch()
    base = f"/api/projects/{project.pk}/alerts"
    [row] = as_owner.get(base).json()
    assert (row["device"], row["name"], row["kind"], row["seen_by"]) == (str(device.pk), "Lobby", "failed", None)
    assert as_owner.post(f"{base}/{row['id']}/seen").json()["seen_by"] == "olga"
    Device.objects.update(state="running")
    watch()
    [row] = as_owner.get(base).json()
    assert row["closed_at"] is not None


def test_open_alerts_come_before_those_that_have_closed(device: Device, project: Project, as_owner: Client) -> None:
    for kind, closed in (("offline", 1), ("disk", None), ("slow", 0)):
        at = None if closed is None else this_minute(closed)
        Alert.objects.create(device=device, kind=kind, text="x", closed_at=at)
    kinds = [row["kind"] for row in as_owner.get(f"/api/projects/{project.pk}/alerts").json()]
    assert kinds == ["disk", "slow", "offline"]


def test_the_history_has_its_bounds(device: Device, project: Project, as_owner: Client) -> None:
    base = f"/api/projects/{project.pk}/devices/{device.pk}/history"
    assert as_owner.get(base).json() == {"vitals": [], "drift": [], "deliveries": []}
    assert as_owner.get(f"{base}?hours=9000").status_code == 400


@pytest.mark.usefixtures("device")
def test_the_fleet_is_what_one_may_see(project: Project, owner: User, as_owner: Client) -> None:
    make_device(project, "Gate")
    make_device(project, "Attic", revoked_at=this_minute())
    other = Project.objects.create(name="Plates", created_by=owner)
    make_device(other, "Cellar", last_seen=this_minute() - timedelta(days=1))
    watch()
    note(user=owner, action="bundle.deployed", project=project, number=1, devices=["Gate", "Lobby"])
    note(user=owner, action="device.changed", project=project, device="x", name="Lobby", privacy="features", group="")
    note(user=owner, action="project.changed", project=project)
    note(user=owner, action="device.revoked", project=other, name="Cellar")
    found = as_owner.get("/api/fleet").json()
    cups = {"id": project.pk, "name": "Cups"}
    assert [(row["name"], row["project"]) for row in found["devices"]] == [("Gate", cups), ("Lobby", cups)]
    assert found["alerts"] == []
    assert found["versions"] == [
        {"project": cups, "number": 1, "devices": 1}, {"project": cups, "number": None, "devices": 1}
    ]
    assert [(entry["text"], entry["user"]) for entry in found["log"]] == [
        ("Changed Lobby: group to none, privacy to features.", "olga"), ("Deployed bundle 1 to Gate and Lobby.", "olga"),
    ]
    Membership.objects.create(project=other, user=owner, role="viewer")
    found = as_owner.get("/api/fleet").json()
    assert [row["name"] for row in found["devices"]] == ["Gate", "Lobby", "Cellar"]
    assert [row["kind"] for row in found["alerts"]] == ["offline"]
