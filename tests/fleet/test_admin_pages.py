"""Administrators find devices, codes and deployments, and change none of it there."""

from __future__ import annotations

import pytest
from django.test import Client

from annotator.delivery.deploy import deploy
from annotator.delivery.enrol import make_code
from annotator.delivery.models import Deployment, Device, EnrolmentCode
from annotator.projects.models import Project, User
from tests.fleet.conftest import Enrolled, MakeBundle


@pytest.fixture
def admin(project: Project, owner: User, enrolled: Enrolled, make_bundle: MakeBundle) -> Client:
    """An administrator's browser; there is a row of every kind."""
    enrolled("gate")
    make_code(project=project, user=owner, name="hall")
    deploy(project=project, user=owner, bundle_id=make_bundle().pk, target="all")
    client = Client()
    client.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    return client


@pytest.mark.parametrize("model", [Device, EnrolmentCode, Deployment])
def test_lists_and_rows_open_are_searched_and_stay_as_they_are(model: type, admin: Client) -> None:
    address = f"/admin/delivery/{model._meta.model_name}/"  # type: ignore[attr-defined]
    row = model.objects.first()  # type: ignore[attr-defined]
    assert admin.get(address, {"q": "Cups"}).context["cl"].result_count >= 1
    assert admin.get(address, {"q": "nothing like it"}).context["cl"].result_count == 0
    page = admin.get(f"{address}{row.pk}/change/")
    assert page.status_code == 200 and "code_hash" not in page.content.decode()
    assert admin.post(f"{address}{row.pk}/change/", {}).status_code == 403
    assert admin.get(f"{address}add/").status_code == 403
