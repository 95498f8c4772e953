"""Administrators find what devices told, sent and raised, and can change none of it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from annotator.delivery.models import Alert, Bundle, Device, Drift, Sighting, Vitals
from annotator.projects.models import User
from tests.back.devices import seen


@pytest.fixture
def admin(device: Device, bundle: Bundle) -> Client:
    """An administrator's browser; there is a row of every kind."""
    now = timezone.now()
    Vitals.objects.create(device=device, at=now, bundle=bundle, features=b"\0\1")
    Drift.objects.create(device=device, at=now, bundle=bundle, answers=40)
    Sighting.objects.create(id=seen().id, device=device, reason="torn", seen_at=now, features=b"\0\1")
    Alert.objects.create(device=device, kind="disk", text="Lobby has 12 MB of disk left.")
    client = Client()
    client.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    return client


@pytest.mark.parametrize("model", [Vitals, Drift, Sighting, Alert])
def test_lists_and_rows_open_are_searched_and_stay_as_they_are(model: type, admin: Client) -> None:
    address = f"/admin/delivery/{model._meta.model_name}/"  # type: ignore[attr-defined]
    row = model.objects.get()  # type: ignore[attr-defined]
    assert admin.get(address, {"q": "Lobby"}).context["cl"].result_count == 1
    assert admin.get(address, {"q": "Gate"}).context["cl"].result_count == 0
    page = admin.get(f"{address}{row.pk}/change/")
    assert page.status_code == 200 and "field-features" not in page.content.decode()
    assert admin.post(f"{address}{row.pk}/change/", {}).status_code == 403
    assert admin.get(f"{address}add/").status_code == 403
