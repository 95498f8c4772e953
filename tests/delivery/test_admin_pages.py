"""The administrators' pages of jobs, learning and delivery: every list and row opens, and little can be changed."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from annotator.delivery.export import request_bundle
from annotator.delivery.models import Bundle
from annotator.jobs.models import Job
from annotator.learning.models import FeatureSet, FeatureSpace, ModelVersion, Ranking
from annotator.projects.models import Project, User

MODELS = [Job, ModelVersion, FeatureSpace, FeatureSet, Ranking, Bundle]
READ_ONLY = [ModelVersion, FeatureSpace, FeatureSet, Ranking]


@pytest.fixture
def admin(project: Project, owner: User) -> Client:
    """An administrator's browser; there is a row of every kind."""
    request_bundle(project=project, user=owner)
    client = Client()
    client.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    return client


def address(model: type, page: str = "") -> str:
    meta = model._meta  # type: ignore[attr-defined]
    return f"/admin/{meta.app_label}/{meta.model_name}/{page}"


def results(admin: Client, model: type, words: str) -> int:
    """How many rows a search finds."""
    count: int = admin.get(address(model), {"q": words}).context["cl"].result_count
    return count


@pytest.mark.parametrize("model", MODELS)
def test_lists_open_and_can_be_searched(model: type, admin: Client) -> None:
    assert admin.get(address(model)).status_code == 200
    assert results(admin, model, "Cups") == 1
    assert results(admin, model, "nothing like it") == 0


@pytest.mark.parametrize("model", MODELS)
def test_rows_open_and_hold_no_weights(model: type, admin: Client) -> None:
    row = model.objects.first()  # type: ignore[attr-defined]
    page = admin.get(address(model, f"{row.pk}/change/"))

    assert page.status_code == 200
    assert "field-weights" not in page.content.decode()


@pytest.mark.parametrize("model", MODELS)
def test_rows_cannot_be_made_up(model: type, admin: Client) -> None:
    assert admin.get(address(model, "add/")).status_code == 403


@pytest.mark.parametrize("model", READ_ONLY)
def test_what_was_learnt_cannot_be_changed_or_deleted(model: type, admin: Client) -> None:
    row = model.objects.first()  # type: ignore[attr-defined]
    assert admin.post(address(model, f"{row.pk}/change/"), {"number": 99}).status_code == 403
    assert admin.post(address(model, f"{row.pk}/delete/"), {"post": "yes"}).status_code == 403


def test_jobs_are_cancelled_by_an_action(admin: Client) -> None:
    job = Job.objects.get()
    admin.post(address(Job), {"action": "cancel", "_selected_action": [str(job.pk)]})

    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED


def test_a_deleted_bundle_takes_its_file_along(
    admin: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    bundle = Bundle.objects.get()
    bundle.path = default_storage.save("bundles/a.zip", ContentFile(b"PK"))
    bundle.save()

    with django_capture_on_commit_callbacks(execute=True):
        admin.post(address(Bundle, f"{bundle.pk}/delete/"), {"post": "yes"})

    assert not Bundle.objects.exists()
    assert not default_storage.exists(bundle.path)
