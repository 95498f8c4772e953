"""The administrators' pages of projects, images and labelling: everything opens and is found, little can be changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from annotator.images.models import Image, Import
from annotator.labelling.models import Annotation, Candidate, Lease, Tally
from annotator.labelling.queue import next_tasks
from annotator.projects.models import ApiToken, AuditEntry, FailedSignIn, Membership, Project, User
from annotator.projects.tokens import make_token
from tests.api.people import make_user
from tests.labelling.answers import say
from tests.labelling.rows import rank

MODELS = [User, Project, ApiToken, AuditEntry, FailedSignIn, Image, Import, Annotation, Candidate, Lease, Tally]
READ_ONLY = [model for model in MODELS if model not in {User, Project}]


@pytest.fixture
def admin(project: Project, owner: User, upload: Callable[..., dict[str, Any]]) -> Client:
    """An administrator's browser; there is a row of every kind."""
    upload(3)
    images = list(Image.objects.all())
    say(images[0], owner, project.labels.get(name="cup"))
    rank(project, images)
    next_tasks(project=project, user=owner, client="page")
    make_token(user=owner, name="olga's script", scopes=["read"])
    FailedSignIn.objects.create(username="olga", address="10.0.0.1")
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def address(model: Any, page: str = "") -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/{page}"


@pytest.mark.parametrize("model", MODELS)
def test_lists_open_and_can_be_searched(model: Any, admin: Client) -> None:
    assert admin.get(address(model)).status_code == 200
    for words, found in (("olga", True), ("Cups", True), ("nothing like it", False)):
        count = admin.get(address(model), {"q": words}).context["cl"].result_count
        assert found or count == 0
    assert any(admin.get(address(model), {"q": words}).context["cl"].result_count for words in ("olga", "Cups"))


@pytest.mark.parametrize("model", MODELS)
def test_rows_open(model: Any, admin: Client) -> None:
    assert admin.get(address(model, f"{model.objects.first().pk}/change/")).status_code == 200


@pytest.mark.parametrize("model", READ_ONLY)
def test_what_the_application_writes_is_only_read(model: Any, admin: Client) -> None:
    row = model.objects.first()
    assert admin.get(address(model, "add/")).status_code == 403
    assert admin.post(address(model, f"{row.pk}/change/"), {"name": "x"}).status_code == 403


@pytest.mark.parametrize("model", [AuditEntry, Import, Annotation, Candidate, Lease, Tally])
def test_what_was_said_and_done_cannot_be_deleted(model: Any, admin: Client) -> None:
    row = model.objects.first()
    assert admin.post(address(model, f"{row.pk}/delete/"), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


def test_tokens_are_revoked_by_deleting_them(admin: Client) -> None:
    admin.post(address(ApiToken, f"{ApiToken.objects.get().pk}/delete/"), {"post": "yes"})
    assert not ApiToken.objects.exists()


def test_others_are_not_let_in(project: Project, as_owner: Client) -> None:
    assert as_owner.get("/admin/projects/project/").status_code == 302


def test_people_are_added_to_a_project(admin: Client, project: Project) -> None:
    ben = make_user("ben")
    form = admin.get(address(Project, f"{project.pk}/change/")).context["adminform"].form.initial
    content = {
        "name": form["name"], "guidelines": "Look closely.", "audit_every": 10,
        "labels-TOTAL_FORMS": 0, "labels-INITIAL_FORMS": 0, "memberships-TOTAL_FORMS": 1,
        "memberships-INITIAL_FORMS": 0, "memberships-0-project": project.pk,
        "memberships-0-user": ben.pk, "memberships-0-role": "annotator",
    }
    assert admin.post(address(Project, f"{project.pk}/change/"), content).status_code == 302
    project.refresh_from_db()
    assert project.guidelines == "Look closely."
    assert Membership.objects.get(user=ben).role == "annotator"


def test_deleted_images_take_their_files_along(
    admin: Client, media: Path, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    images = list(Image.objects.order_by("pk"))
    with django_capture_on_commit_callbacks(execute=True):
        admin.post(address(Image, f"{images[0].pk}/delete/"), {"post": "yes"})
        chosen = {"action": "delete_selected", "_selected_action": [images[1].pk], "post": "yes"}
        admin.post(address(Image), chosen)
    assert list(Image.objects.all()) == [images[2]]
    assert {path.stem for path in media.rglob("*") if path.is_file()} == {images[2].sha256}


def test_a_project_is_put_away_brought_back_and_only_then_deleted_for_good(
    admin: Client, project: Project, media: Path, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    delete = address(Project, f"{project.pk}/delete/")
    assert admin.post(delete, {"post": "yes"}).status_code == 403
    assert "delete_selected" not in admin.get(address(Project)).content.decode()

    def do(action: str) -> None:
        admin.post(address(Project), {"action": action, "_selected_action": [project.pk]})
        project.refresh_from_db()

    do("put_away")
    assert project.archived_at is not None
    do("bring_back")
    assert project.archived_at is None
    do("put_away")
    assert "Labelled images: 1" in admin.get(delete).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        admin.post(delete, {"post": "yes"})
    assert not Project.objects.exists()
    assert not Annotation.objects.exists()
    assert not any(path.is_file() for path in media.rglob("*"))


def test_a_tally_is_counted_afresh(admin: Client, project: Project) -> None:
    Tally.objects.update(images=77)
    admin.post(address(Tally), {"action": "count_afresh", "_selected_action": [project.pk]})
    assert Tally.objects.get().images == 3
