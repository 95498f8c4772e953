"""From an empty project to labelled images, through the API alone."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.test import Client

from annotator.projects.models import Project


def test_a_project_is_created_filled_and_labelled(
    as_owner: Client, upload: Callable[..., dict[str, Any]], project: Project
) -> None:
    sent = upload(4)
    assert [result["status"] for result in sent["results"]] == ["stored"] * 4
    assert sent["import"]["stored"] == 4

    label = as_owner.get(f"/api/projects/{project.pk}").json()["labels"][0]["id"]
    seen = []
    for _ in range(4):
        answer = as_owner.post(
            f"/api/projects/{project.pk}/tasks/next", {"client": "page"}, content_type="application/json"
        ).json()
        [task] = answer["tasks"]
        seen.append(task["image"]["id"])
        made = as_owner.post(
            f"/api/projects/{project.pk}/annotations",
            {"id": str(uuid.uuid4()), "image": task["image"]["id"], "kind": "label", "label": label, "client": "page"},
            content_type="application/json",
        )
        assert made.status_code == 201, made.content
    assert len(set(seen)) == 4
    assert made.json()["progress"]["labelled"] == 4
    assert made.json()["progress"]["unlabelled"] == 0
    after = as_owner.post(f"/api/projects/{project.pk}/tasks/next", {"client": "page"}, content_type="application/json")
    assert after.json()["tasks"] == []
