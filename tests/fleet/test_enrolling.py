"""How a device comes in: with a code that works once, for minutes, and a key that it shows to hold."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone

from annotator.delivery import enrol
from annotator.delivery.keys import authority
from annotator.delivery.models import Device, EnrolmentCode
from annotator.projects.models import AuditEntry, Project, User
from annotator.projects.setup import archive_project, create_project
from tests.fleet.conftest import Enrolled, Told
from tests.fleet.small_device import ask_to_enrol, line, new_key


@pytest.fixture
def code(project: Project, owner: User) -> str:
    return enrol.make_code(project=project, user=owner, name="gate", group="doors")[1]


def test_a_code_lets_a_device_in(code: str, project: Project, owner: User) -> None:
    key = new_key()
    given = ask_to_enrol(code, key, name="ignored: the code names it", info={"system": "Linux"}).json()
    device = Device.objects.get(pk=given["device"])
    assert (device.project, device.name, device.group, device.enrolled_by) == (project, "gate", "doors", owner)
    assert (device.state, device.info, device.privacy) == ("enrolled", {"system": "Linux"}, "nothing")
    certificate = x509.load_pem_x509_certificate(given["certificate"].encode())
    certificate.verify_directly_issued_by(authority()[1])
    assert certificate.public_key() == key.public_key()
    assert AuditEntry.objects.get(action="device.enrolled").detail["device"] == given["device"]


def test_it_is_written_in_any_way_that_people_write_it(code: str) -> None:
    assert ask_to_enrol(f" {code.lower().replace('-', ' ')} ", new_key()).status_code == 201


def test_a_second_device_with_the_same_code_stays_out(code: str) -> None:
    assert ask_to_enrol(code, new_key()).status_code == 201
    refused = ask_to_enrol(code, new_key())
    assert refused.status_code == 403
    assert (refused.json()["error"]["field"], Device.objects.count()) == ("code", 1)


def test_of_two_that_come_at_once_one_gets_in(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Both have seen the unused code before either has used it.
    issue = enrol.keys.issue_device
    second: list[int] = []

    def meanwhile(key: ec.EllipticCurvePublicKey, device_id: str) -> str:
        monkeypatch.setattr(enrol.keys, "issue_device", issue)
        second.append(ask_to_enrol(code, new_key()).status_code)
        return issue(key, device_id)

    monkeypatch.setattr(enrol.keys, "issue_device", meanwhile)
    assert (ask_to_enrol(code, new_key()).status_code, second) == (201, [403])
    assert Device.objects.count() == 1


def test_a_code_ends_after_a_quarter_of_an_hour(code: str) -> None:
    row = EnrolmentCode.objects.get()
    assert timedelta(minutes=14) < row.expires_at - timezone.now() <= timedelta(minutes=15)
    EnrolmentCode.objects.update(expires_at=timezone.now())
    assert ask_to_enrol(code, new_key()).status_code == 403


def test_a_code_of_another_project_leads_there_and_not_here(owner: User, project: Project, enrolled: Enrolled) -> None:
    other = create_project(owner=owner, name="Glasses", classes=["a", "b"])
    device = enrolled(into=other)
    assert device.row.project == other
    assert not project.devices.exists()


def test_a_code_of_a_project_that_was_put_away_opens_nothing(code: str, project: Project, owner: User) -> None:
    archive_project(project=project, user=owner)
    assert ask_to_enrol(code, new_key()).status_code == 403


def test_the_code_itself_is_kept_nowhere(code: str) -> None:
    row = EnrolmentCode.objects.get()
    assert code.replace("-", "") not in repr(vars(row))
    assert not set(code) & set("O0I1L")


def test_who_does_not_hold_the_key_gets_no_certificate_for_it(code: str) -> None:
    refused = ask_to_enrol(code, new_key(), signer=new_key())
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "signature")
    assert EnrolmentCode.objects.get().used_at is None


@pytest.mark.parametrize("pem", ["", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_key_is_refused_with_its_field(pem: str, code: str) -> None:
    answer = line().post("/api/edge/enrol", {"code": code, "public_key": pem}, content_type="application/json")
    # An unsigned request that brings no key cannot get further than this.
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "public_key"


def test_after_many_wrong_codes_an_address_has_to_wait(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrol, "MOST", 3)
    assert [ask_to_enrol("ZZZZ-ZZZZ", new_key()).status_code for _ in range(4)] == [403, 403, 403, 429]
    assert ask_to_enrol(code, new_key()).status_code == 429, "the right one too, or guessing would go on"


def test_a_name_that_is_taken_gets_a_number(enrolled: Enrolled) -> None:
    assert [enrolled("gate").row.name for _ in range(3)] == ["gate", "gate 2", "gate 3"]


def test_open_pages_hear_of_it(enrolled: Enrolled, project: Project, told: Told) -> None:
    device = enrolled("gate")
    [(topic, row)] = told("device")
    assert (topic, row["id"], row["name"], row["state"], row["online"]) == (project.pk, device.id, "gate", "enrolled", True)


def test_codes_are_forgotten_in_the_end(code: str) -> None:
    enrol.forget_codes()
    assert EnrolmentCode.objects.exists()
    EnrolmentCode.objects.update(expires_at=timezone.now() - timedelta(days=31))
    enrol.forget_codes()
    assert not EnrolmentCode.objects.exists()
