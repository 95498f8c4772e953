"""Projects, classes and people over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from annotator.projects.models import AuditEntry, Project, User
from tests.api.people import make_user
from tests.labelling.answers import say
from tests.labelling.rows import make_images

JSON = "application/json"


def test_a_project_says_all_about_itself(
    as_owner: Client, project: Project, owner: User, upload: Callable[..., dict[str, Any]]
) -> None:
    upload(5)
    as_owner.patch(f"/api/projects/{project.pk}", {"guidelines": "# Look\n<script>x</script>"}, content_type=JSON)
    [image] = make_images(project, 1)
    say(image, owner, project.labels.get(name="cup"))
    row = as_owner.get(f"/api/projects/{project.pk}").json()
    assert (row["name"], row["role"], row["task_type"]) == ("Cups", "owner", "classification")
    assert "<h1>Look</h1>" in row["guidelines_html"] and "<script>" not in row["guidelines_html"]
    labels = [(label["name"], label["count"], label["key"]) for label in row["labels"]]
    assert labels == [("cup", 1, "1"), ("glass", 0, "2")]
    assert (row["progress"]["images"], row["progress"]["labelled"]) == (6, 1)
    assert row["model"] is None
    assert len(row["cover"]) == 4
    assert all(as_owner.get(address).status_code == 200 for address in row["cover"])
    assert as_owner.get("/api/projects").json() == [row]


def test_guidelines_are_previewed_as_they_will_be_shown(as_annotator: Client) -> None:
    answer = as_annotator.post("/api/markdown", {"text": "# Look\n<script>x</script> [no](javascript:x)"}, content_type=JSON)
    assert answer.status_code == 200
    assert "<h1>Look</h1>" in answer.json()["html"]
    assert not any(word in answer.json()["html"] for word in ("<script>", "href"))
    too_long = as_annotator.post("/api/markdown", {"text": "x" * 50_001}, content_type=JSON)
    assert (too_long.status_code, too_long.json()["error"]["field"]) == (400, "text")
    assert Client().post("/api/markdown", {"text": "x"}, content_type=JSON).status_code in {401, 403}


def test_the_list_holds_ones_own_projects_only(as_owner: Client, as_annotator: Client, project: Project) -> None:
    assert [row["role"] for row in as_annotator.get("/api/projects").json()] == ["annotator"]
    stranger = Client()
    stranger.force_login(make_user("eve"))
    assert stranger.get("/api/projects").json() == []
    as_owner.delete(f"/api/projects/{project.pk}")
    assert as_annotator.get("/api/projects").json() == []


def test_a_project_is_created_with_classes(as_owner: Client) -> None:
    classes = [{"name": "pug"}, {"name": "collie", "color": "#123456", "key": "c"}]
    content = {"name": "Dogs", "classes": classes, "audit_every": 5}
    answer = as_owner.post("/api/projects", content, content_type=JSON)
    assert answer.status_code == 201
    row = answer.json()
    assert [(label["name"], label["key"]) for label in row["labels"]] == [("pug", "1"), ("collie", "c")]
    assert row["audit_every"] == 5


@pytest.mark.parametrize(
    ("field", "content"),
    [
        ("name", {}),
        ("name", {"name": ""}),
        ("classes", {"name": "x", "classes": "cup"}),
        ("classes.0.name", {"name": "x", "classes": [{}]}),
        ("color", {"name": "x", "classes": [{"name": "cup", "color": "red"}]}),
        ("audit_fraction", {"name": "x", "audit_fraction": "much"}),
        ("audit_every", {"name": "x", "audit_every": 1}),
        ("strategy", {"name": "x", "strategy": "luck"}),
    ],
)
def test_a_project_that_cannot_be_names_the_field_and_leaves_nothing(
    as_owner: Client, field: str, content: dict[str, Any]
) -> None:
    before = Project.objects.count()
    answer = as_owner.post("/api/projects", content, content_type=JSON)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == field
    assert Project.objects.count() == before


def test_fields_that_are_not_ours_to_give_change_nothing(as_owner: Client, project: Project) -> None:
    eve = make_user("eve")
    as_owner.patch(f"/api/projects/{project.pk}", {"created_by": eve.pk, "id": 99, "archived_at": None}, content_type=JSON)
    project.refresh_from_db()
    assert project.created_by.username == "olga"


def test_classes_come_change_and_go(as_owner: Client, project: Project) -> None:
    base = f"/api/projects/{project.pk}/labels"
    made = as_owner.post(base, {"name": "bowl"}, content_type=JSON)
    assert made.status_code == 201
    number = made.json()["id"]
    assert as_owner.post(base, {"name": "Bowl"}, content_type=JSON).status_code == 409
    changed = as_owner.patch(f"{base}/{number}", {"name": "dish", "color": "#00ff00"}, content_type=JSON).json()
    assert (changed["name"], changed["color"], changed["count"]) == ("dish", "#00ff00", 0)
    assert as_owner.delete(f"{base}/{number}").status_code == 204
    labels = as_owner.get(f"/api/projects/{project.pk}").json()["labels"]
    assert [(label["name"], label["archived"]) for label in labels] == [("cup", False), ("glass", False), ("dish", True)]
    assert as_owner.patch(f"{base}/{number}", {"archived": False}, content_type=JSON).json()["archived"] is False


def test_people_come_change_and_go(as_owner: Client, project: Project) -> None:
    make_user("ben")
    base = f"/api/projects/{project.pk}/members"
    made = as_owner.post(base, {"username": "ben", "role": "viewer"}, content_type=JSON)
    assert made.status_code == 201
    number = made.json()["id"]
    assert as_owner.post(base, {"username": "ben", "role": "viewer"}, content_type=JSON).status_code == 409
    assert as_owner.post(base, {"username": "nobody", "role": "viewer"}, content_type=JSON).status_code == 400
    assert as_owner.post(base, {"username": "ben", "role": "king"}, content_type=JSON).json()["error"]["field"] == "role"
    assert as_owner.patch(f"{base}/{number}", {"role": "annotator"}, content_type=JSON).json()["role"] == "annotator"
    assert [(row["username"], row["role"]) for row in as_owner.get(base).json()] == [("ben", "annotator"), ("olga", "owner")]
    mine = as_owner.get(base).json()[1]["id"]
    assert as_owner.delete(f"{base}/{mine}").status_code == 409
    assert as_owner.delete(f"{base}/{number}").status_code == 204


def test_what_owners_do_is_written_down(as_owner: Client, project: Project) -> None:
    make_user("ben")
    as_owner.post(f"/api/projects/{project.pk}/members", {"username": "ben", "role": "viewer"}, content_type=JSON)
    as_owner.post(f"/api/projects/{project.pk}/labels", {"name": "bowl"}, content_type=JSON)
    as_owner.patch(f"/api/projects/{project.pk}", {"name": "Mugs"}, content_type=JSON)
    as_owner.delete(f"/api/projects/{project.pk}")
    done = list(AuditEntry.objects.filter(project=project).order_by("id").values_list("action", "user__username"))
    assert done == [
        (action, "olga")
        for action in ("project.created", "member.added", "label.added", "project.changed", "project.archived")
    ]


def test_many_projects_cost_few_queries(as_owner: Client, owner: User, django_assert_max_num_queries: Any) -> None:
    from annotator.projects.setup import create_project

    for number in range(12):
        create_project(owner=owner, name=f"P{number}", classes=["a", "b"])
    with django_assert_max_num_queries(9 + 13):
        assert len(as_owner.get("/api/projects").json()) == 13


def test_samples_are_listed_and_tried(as_owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotator.images.samples._reachable", lambda host: False)
    rows = {row["name"]: row for row in as_owner.get("/api/samples").json()}
    assert rows["digits"]["available"] is True and rows["digits"]["licence"]
    assert rows["pets"]["available"] is False and "cannot be reached" in rows["pets"]["why_not"]
    made = as_owner.post("/api/samples/digits")
    assert made.status_code == 201
    assert made.json()["project"]["name"] == "Handwritten digits"
    assert as_owner.post("/api/samples/pets").status_code == 409
    assert as_owner.post("/api/samples/unicorns").status_code == 404
