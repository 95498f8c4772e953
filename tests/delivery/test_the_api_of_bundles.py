"""Asking for a bundle, following it and downloading it over HTTP."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from annotator.delivery.export import request_bundle
from annotator.delivery.models import Bundle
from annotator.jobs.models import Job
from annotator.learning.models import ModelVersion
from annotator.projects.models import Membership, Project, User
from annotator.projects.setup import create_project


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def as_owner(owner: User) -> Client:
    return browser(owner)


@pytest.fixture
def as_viewer(project: Project) -> Client:
    viewer = User.objects.create(username="vera")
    Membership.objects.create(project=project, user=viewer, role=Membership.Role.VIEWER)
    return browser(viewer)


@pytest.fixture
def ready(project: Project, owner: User) -> Bundle:
    """A bundle that has been built."""
    bundle = request_bundle(project=project, user=owner)
    Job.objects.filter(pk=bundle.job_id).update(state=Job.State.DONE)
    bundle.path = default_storage.save(f"bundles/{project.pk}/a.zip", ContentFile(b"PK zip"))
    bundle.state, bundle.size, bundle.sha256 = Bundle.State.READY, 6, "ab" * 32
    bundle.save()
    return bundle


def test_a_button_makes_a_bundle_and_a_job(project: Project, as_owner: Client) -> None:
    answer = as_owner.post(f"/api/projects/{project.pk}/bundles", content_type="application/json")

    assert answer.status_code == 202
    row = answer.json()
    assert (row["number"], row["state"], row["download"]) == (1, "building", None)
    assert row["model_version"] == ModelVersion.objects.get(state="serving").number
    job = as_owner.get(f"/api/projects/{project.pk}/jobs/{row['job']}").json()
    assert (job["kind"], job["state"], job["created_by"]) == ("export", "queued", "olga")
    assert as_owner.get(f"/api/projects/{project.pk}/bundles").json() == [row]


def test_a_second_one_meanwhile_is_a_conflict(project: Project, as_owner: Client) -> None:
    as_owner.post(f"/api/projects/{project.pk}/bundles", content_type="application/json")
    answer = as_owner.post(f"/api/projects/{project.pk}/bundles", content_type="application/json")

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "conflict"


def test_without_a_model_the_answer_says_what_to_do(owner: User, as_owner: Client) -> None:
    empty = create_project(owner=owner, name="Empty")

    answer = as_owner.post(f"/api/projects/{empty.pk}/bundles", content_type="application/json")

    assert answer.status_code == 409
    assert answer.json()["error"] == {
        "code": "not_ready", "message": "There is no model yet: label some images first.", "field": None,
    }


def test_only_owners_ask_for_one(project: Project, as_viewer: Client) -> None:
    assert as_viewer.post(f"/api/projects/{project.pk}/bundles", content_type="application/json").status_code == 403


def test_members_download_the_very_file(ready: Bundle, as_viewer: Client) -> None:
    row = as_viewer.get(f"/api/projects/{ready.project_id}/bundles/{ready.pk}").json()
    answer = as_viewer.get(row["download"])

    assert answer.status_code == 200
    assert b"".join(answer.streaming_content) == b"PK zip"  # type: ignore[attr-defined]
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"] == 'attachment; filename="cups-glasses-2-1.zip"'
    assert answer["Content-Length"] == "6"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_what_is_not_built_cannot_be_downloaded(project: Project, owner: User, as_owner: Client) -> None:
    bundle = request_bundle(project=project, user=owner)

    answer = as_owner.get(f"/api/projects/{project.pk}/bundles/{bundle.pk}/download")

    assert answer.status_code == 409
    assert "still being built" in answer.json()["error"]["message"]


def test_a_file_that_has_gone_is_said(ready: Bundle, as_owner: Client) -> None:
    default_storage.delete(ready.path)

    answer = as_owner.get(f"/api/projects/{ready.project_id}/bundles/{ready.pk}/download")

    assert answer.status_code == 404
    assert "make a new bundle" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["bundles", "bundles/{bundle}", "bundles/{bundle}/download"])
def test_strangers_learn_nothing(path: str, ready: Bundle) -> None:
    stranger = browser(User.objects.create(username="sam"))

    answer = stranger.get(f"/api/projects/{ready.project_id}/" + path.format(bundle=ready.pk))

    assert answer.status_code == 404


def test_a_bundle_is_not_found_in_another_project(ready: Bundle, owner: User, as_owner: Client) -> None:
    other = create_project(owner=owner, name="Other")

    assert as_owner.get(f"/api/projects/{other.pk}/bundles/{ready.pk}/download").status_code == 404
