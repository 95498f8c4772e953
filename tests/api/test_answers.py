"""Tasks and answers over HTTP: retries, undo, what is refused."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from annotator.labelling.models import Annotation
from annotator.projects.models import Project, User
from annotator.projects.tokens import make_token
from tests.labelling.rows import make_images, rank


@pytest.fixture
def base(project: Project) -> str:
    return f"/api/projects/{project.pk}"


def post(client: Client, address: str, content: Any, **headers: str) -> Any:
    return client.post(address, content, content_type="application/json", headers=headers)


def answer(project: Project, **changes: Any) -> dict[str, Any]:
    """A good answer about a new image, with changes."""
    [image] = make_images(project, 1)
    good = {
        "id": str(uuid4()), "image": image.pk, "kind": "label", "label": project.labels.get(name="cup").pk, "client": "page",
        "seconds": 1.5, "model_version": 3, "confidence": 0.5, "guess": project.labels.get(name="glass").pk,
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


def test_an_answer_is_201_and_its_retry_200(as_annotator: Client, project: Project, base: str) -> None:
    said = answer(project)
    first = post(as_annotator, f"{base}/annotations", said)
    again = post(as_annotator, f"{base}/annotations", said)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    told = first.json()["annotation"]
    assert {name: told[name] for name in said if name not in {"client"}} == {n: v for n, v in said.items() if n != "client"}
    assert (told["author"], told["source"]) == ("anna", "person")
    assert first.json()["progress"]["labelled"] == 1
    assert Annotation.objects.count() == 1


def test_a_scripts_answer_is_marked_as_such(project: Project, annotator: User, base: str) -> None:
    _, secret = make_token(user=annotator, name="script", scopes=["label"])
    made = post(Client(), f"{base}/annotations", answer(project), Authorization=f"Bearer {secret}")
    assert made.json()["annotation"]["source"] == "api"


def test_undo_is_an_answer_too(as_annotator: Client, project: Project, base: str) -> None:
    said = answer(project)
    post(as_annotator, f"{base}/annotations", said)
    undo = {"id": str(uuid4()), "image": said["image"], "kind": "clear", "client": "page"}
    undone = post(as_annotator, f"{base}/annotations", undo)
    assert undone.status_code == 201
    assert undone.json()["progress"]["labelled"] == 0
    [task] = post(as_annotator, f"{base}/tasks/next", {"client": "page"}).json()["tasks"]
    assert task["image"]["id"] == said["image"]


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("id", {"id": "no uuid"}),
        ("id", {"id": ...}),
        ("image", {"image": "x"}),
        ("image", {"image": ...}),
        ("image", {"image": 10**30}),
        ("kind", {"kind": "love"}),
        ("label", {"label": ...}),
        ("label", {"label": 999_999}),
        ("label", {"kind": "skip"}),
        ("guess", {"guess": 999_999}),
        ("seconds", {"seconds": -1}),
        ("confidence", {"confidence": 2}),
        ("model_version", {"model_version": 10**20}),
        ("client", {"client": "x" * 65}),
    ],
)
def test_a_bad_answer_is_400_and_names_the_field(
    as_annotator: Client, project: Project, base: str, field: str, changes: dict[str, Any]
) -> None:
    refused = post(as_annotator, f"{base}/annotations", answer(project, **changes))
    assert refused.status_code == 400
    told = refused.json()["error"]
    assert told["field"] == field
    assert field in told["message"] or "class" in told["message"]
    assert not Annotation.objects.exists()


@pytest.mark.parametrize("content", [b"{", b"[]", b"", b"null", b'"x"', b"\xff"])
def test_what_is_no_json_object_is_400(as_annotator: Client, base: str, content: bytes) -> None:
    refused = as_annotator.post(f"{base}/annotations", content, content_type="application/json")
    assert refused.status_code == 400
    assert refused.json()["error"]["message"].endswith(".")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_are_refused(as_annotator: Client, project: Project, base: str, number: str) -> None:
    said = answer(project)
    text = str({**said, "seconds": "SECONDS"}).replace("'", '"').replace('"SECONDS"', number)
    refused = as_annotator.post(f"{base}/annotations", text, content_type="application/json")
    assert refused.status_code == 400
    assert not Annotation.objects.exists()


def test_a_task_carries_all_that_the_page_needs(as_annotator: Client, project: Project, base: str) -> None:
    images = make_images(project, 1)
    rank(project, images)
    told = post(as_annotator, f"{base}/tasks/next", {"client": "page"}).json()
    [task] = told["tasks"]
    assert task["kind"] == "learn"
    assert set(task) == {
        "image", "kind", "reason", "guess", "top", "model_version", "lease_expires_at", "device",
    }
    assert set(task["image"]) == {"id", "name", "width", "height", "thumb", "display"}
    assert set(told["progress"]) == {
        "images", "featured", "labelled", "audit_images", "audit_labelled", "skipped", "flagged", "unlabelled",
    }


def test_tasks_are_renewed_and_given_back(as_annotator: Client, project: Project, base: str) -> None:
    make_images(project, 2)
    tasks = post(as_annotator, f"{base}/tasks/next", {"client": "page", "count": 2}).json()["tasks"]
    ids = [task["image"]["id"] for task in tasks]
    renewed = post(as_annotator, f"{base}/tasks/renew", {"client": "page", "images": [*ids, 12345]}).json()
    assert renewed["lost"] == [12345]
    assert renewed["lease_expires_at"] >= tasks[0]["lease_expires_at"]
    assert post(as_annotator, f"{base}/tasks/release", {"client": "page"}).json() == {"released": 2}


@pytest.mark.parametrize(
    ("route", "field", "content"),
    [
        ("next", "client", {}),
        ("next", "count", {"client": "a", "count": 1000}),
        ("next", "exclude", {"client": "a", "exclude": "all"}),
        ("next", "exclude", {"client": "a", "exclude": [10**30]}),
        ("renew", "images", {"client": "a"}),
        ("renew", "images", {"client": "a", "images": [-5]}),
        ("release", "images", {"client": "a", "images": {"a": 1}}),
    ],
)
def test_a_bad_request_for_tasks_names_the_field(
    as_annotator: Client, base: str, route: str, field: str, content: dict[str, Any]
) -> None:
    refused = post(as_annotator, f"{base}/tasks/{route}", content)
    assert refused.status_code == 400
    assert refused.json()["error"]["field"].partition(".")[0] == field


def test_few_queries_are_needed(
    as_annotator: Client, project: Project, base: str, django_assert_max_num_queries: Any
) -> None:
    rank(project, make_images(project, 20))
    post(as_annotator, f"{base}/tasks/next", {"client": "page"})
    said = answer(project)
    with django_assert_max_num_queries(16):
        post(as_annotator, f"{base}/annotations", said)
    with django_assert_max_num_queries(17):
        post(as_annotator, f"{base}/tasks/next", {"client": "page", "count": 3})
