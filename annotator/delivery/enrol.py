"""How a device comes in: a code that works once, within minutes, and gets the device's own key a certificate."""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from datetime import timedelta
from functools import partial
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import load_pem_x509_certificate
from django.db import transaction
from django.utils import timezone

from annotator.delivery import devices, keys, newcomers
from annotator.delivery.models import Device, EnrolmentCode
from annotator.projects.access import note
from annotator.projects.errors import Invalid, NotAllowed, TooManyTries
from annotator.projects.models import FailedSignIn, Project, User

# No letter or digit that a person could take for another.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 8
LIFETIME = timedelta(minutes=15)
# Codes that nobody used are forgotten after this.
KEPT = timedelta(days=30)
# Wrong codes from one address in the window, before it has to wait. No user name has a space, so none is hindered.
WINDOW, MOST = timedelta(minutes=10), 20
TRIES = "enrolment code"
UNKNOWN = "This code is not known, was used, or is older than 15 minutes: make a new one on the workspace's device page."


def make_code(*, project: Project, user: User, name: str = "", group: str = "") -> tuple[EnrolmentCode, str]:
    """A new code and its row; the code itself, as ABCD-EFGH, cannot be read again."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    row = EnrolmentCode.objects.create(
        project=project, code_hash=_digest(code), name=devices.tidy(name), group=devices.tidy(group), created_by=user,
        expires_at=timezone.now() + LIFETIME,
    )
    note(user=user, action="device.code_made", project=project, name=row.name, group=row.group)
    return row, f"{code[:4]}-{code[4:]}"


def enrol(*, code: str, public_key: str, name: str, info: dict[str, Any], address: str | None) -> Device:
    """The device that comes in with `code`; its certificate is for `public_key` (PEM). The caller has seen that it holds it.

    Raises NotAllowed for a code that opens nothing, TooManyTries after too many of those, Invalid for a key that is none.
    """
    _check_brake(address)
    key = read_public_key(public_key)
    try:
        with transaction.atomic():
            return _let_in(code, key, devices.tidy(name), info)
    except NotAllowed:
        FailedSignIn.objects.filter(username=TRIES, at__lt=timezone.now() - WINDOW).delete()
        FailedSignIn.objects.create(username=TRIES, address=address)
        raise


def read_public_key(pem: str) -> ec.EllipticCurvePublicKey:
    """An EC public key on P-256 from its PEM. Raises Invalid."""
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except ValueError as error:
        raise Invalid("public_key must be the PEM of an EC public key on P-256.", field="public_key") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Invalid("public_key must be an EC key on the curve P-256.", field="public_key")
    return key


def forget_codes() -> None:
    """Take codes away that ended long ago. Called by the sweep; an old code opens nothing in any case."""
    old = EnrolmentCode.objects.filter(expires_at__lt=timezone.now() - KEPT)
    if old.exists():
        old.delete()


def _let_in(code: str, key: ec.EllipticCurvePublicKey, name: str, info: dict[str, Any]) -> Device:
    now = timezone.now()
    mine = EnrolmentCode.objects.filter(
        code_hash=_digest(code), used_at=None, expires_at__gt=now, project__archived_at=None
    )
    row = mine.select_related("project", "created_by").first()
    # The update decides: of two that come at once, one changes the row.
    if row is None or not mine.update(used_at=now):
        raise NotAllowed(UNKNOWN, field="code")
    device_id = uuid.uuid4()
    certificate = keys.issue_device(key, str(device_id))
    device = Device.objects.create(
        id=device_id, project=row.project, name=_free_name(row.project, row.name or name or "device"), group=row.group,
        public_key=_pem(key), certificate=certificate, fingerprint=_fingerprint(certificate), enrolled_by=row.created_by,
        info=info, last_seen=now,
    )
    EnrolmentCode.objects.filter(pk=row.pk).update(device=device)
    note(
        user=row.created_by, action="device.enrolled", project=row.project, device=str(device.pk), name=device.name,
        group=device.group, fingerprint=device.fingerprint,
    )
    newcomers.bring_up_to_date(device)
    transaction.on_commit(partial(devices.tell, device))
    return device


def _check_brake(address: str | None) -> None:
    recent = FailedSignIn.objects.filter(username=TRIES, address=address, at__gt=timezone.now() - WINDOW)
    times = list(recent.order_by("-at").values_list("at", flat=True)[:MOST])
    if len(times) == MOST:
        wait = (times[-1] + WINDOW - timezone.now()).total_seconds()
        raise TooManyTries(f"Too many wrong codes: try again in {int(wait // 60) + 1} minutes.", wait=wait, field="code")


def _free_name(project: Project, wanted: str) -> str:
    """The name, with a number behind it where another device of the project has it."""
    taken = set(Device.objects.filter(project=project, revoked_at=None).values_list("name", flat=True))
    names = (wanted if number == 1 else f"{wanted[:74]} {number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _digest(code: str) -> str:
    return hashlib.sha256(re.sub(r"[^A-Z0-9]", "", code.upper()).encode()).hexdigest()


def _pem(key: ec.EllipticCurvePublicKey) -> str:
    data = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return data.decode()


def _fingerprint(certificate: str) -> str:
    return load_pem_x509_certificate(certificate.encode()).fingerprint(hashes.SHA256()).hex()
