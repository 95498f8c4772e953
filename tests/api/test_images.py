"""The list of images, one with its history, and their bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from annotator.images.models import Image
from annotator.labelling.models import Annotation
from annotator.projects.models import Label, Project, User
from tests.labelling.answers import say
from tests.labelling.rows import make_images, rank


@pytest.fixture
def cup(project: Project) -> Label:
    return project.labels.get(name="cup")


def listed(client: Client, project: Project, **query: Any) -> dict[str, Any]:
    answer = client.get(f"/api/projects/{project.pk}/images", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_pages_follow_each_other_without_gap_or_overlap(as_annotator: Client, project: Project) -> None:
    made = [image.pk for image in make_images(project, 11)]
    seen: list[int] = []
    query: dict[str, Any] = {"limit": 4}
    while True:
        page = listed(as_annotator, project, **query)
        seen += [row["id"] for row in page["results"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == made


def test_images_are_chosen_by_state_class_and_name(
    as_annotator: Client, project: Project, annotator: User, cup: Label
) -> None:
    images = make_images(project, 4, audits=1)
    say(images[0], annotator, cup)
    say(images[1], annotator, "skip")
    say(images[2], annotator, "flag")
    say(images[4], annotator, cup)
    expected = {
        "labelled": [0, 4], "skipped": [1], "flagged": [2], "unlabelled": [3], "audit": [4],
    }
    for state, numbers in expected.items():
        found = [row["id"] for row in listed(as_annotator, project, state=state)["results"]]
        assert found == [images[number].pk for number in numbers]
    by_class = listed(as_annotator, project, label=cup.pk)["results"]
    assert [row["id"] for row in by_class] == [images[0].pk, images[4].pk]
    without = listed(as_annotator, project, label="none")["results"]
    assert [row["id"] for row in without] == [images[n].pk for n in (1, 2, 3)]
    assert [row["id"] for row in listed(as_annotator, project, search=images[3].name)["results"]] == [images[3].pk]


def test_a_row_says_what_is_known(as_annotator: Client, project: Project, annotator: User, cup: Label) -> None:
    images = make_images(project, 2)
    rank(project, images)
    say(images[0], annotator, cup)
    first, second = listed(as_annotator, project)["results"]
    assert (first["state"], first["label"]["name"], first["annotated_by"]) == ("labelled", "cup", "anna")
    assert first["annotated_at"]
    assert (second["state"], second["label"], second["guess"], second["confidence"]) == ("unlabelled", None, cup.pk, 0.6)


@pytest.mark.parametrize(
    ("field", "query"),
    [
        ("label", {"label": "1 OR 1=1"}),
        ("state", {"state": "all"}),
        ("limit", {"limit": 1000}),
        ("cursor", {"cursor": -1}),
        ("cursor", {"cursor": 10**30}),
    ],
)
def test_bad_queries_name_the_field(as_annotator: Client, project: Project, field: str, query: dict[str, Any]) -> None:
    answer = as_annotator.get(f"/api/projects/{project.pk}/images", query)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


def test_the_list_takes_the_same_few_queries_however_long_it_is(
    as_annotator: Client, project: Project, annotator: User, cup: Label, django_assert_max_num_queries: Any
) -> None:
    for image in make_images(project, 30):
        say(image, annotator, cup)
    with django_assert_max_num_queries(5):
        listed(as_annotator, project)


def test_one_image_comes_with_its_history(as_annotator: Client, project: Project, annotator: User, cup: Label) -> None:
    [image] = make_images(project, 1)
    say(image, annotator, cup)
    say(image, annotator, "clear")
    row = as_annotator.get(f"/api/projects/{project.pk}/images/{image.pk}").json()
    assert [said["kind"] for said in row["history"]] == ["clear", "label"]
    assert row["history"][1]["author"] == "anna"
    alone = as_annotator.get(f"/api/projects/{project.pk}/annotations", {"image": image.pk}).json()
    assert alone["results"] == row["history"]


@pytest.mark.parametrize("kind", ["thumb", "display"])
def test_bytes_may_be_kept_for_ever_and_cannot_be_run(
    as_owner: Client, upload: Callable[..., dict[str, Any]], project: Project, kind: str
) -> None:
    number = upload(1)["results"][0]["image"]
    row = as_owner.get(f"/api/projects/{project.pk}/images/{number}").json()
    answer = as_owner.get(row[kind])
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("image/")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in answer["Cache-Control"] and "private" in answer["Cache-Control"]
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    again = as_owner.get(row[kind], headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = as_owner.get(row[kind], headers={"If-None-Match": '"something else"'})
    assert other.status_code == 200


def test_a_missing_file_is_a_404_with_the_mend(as_owner: Client, project: Project) -> None:
    [image] = make_images(project, 1)
    answer = as_owner.get(f"/api/projects/{project.pk}/images/{image.pk}/thumb")
    assert answer.status_code == 404
    assert "import it again" in answer.json()["error"]["message"]


def test_a_deleted_image_is_gone_with_all_that_was_said(
    as_owner: Client, upload: Callable[..., dict[str, Any]], project: Project, owner: User, cup: Label
) -> None:
    number = upload(2)["results"][0]["image"]
    say(Image.objects.get(pk=number), owner, cup)
    address = f"/api/projects/{project.pk}/images/{number}"
    assert as_owner.delete(address).status_code == 204
    assert as_owner.get(address).status_code == 404
    assert not Annotation.objects.exists()
    late = {"id": str(uuid4()), "image": number, "kind": "label", "label": cup.pk}
    answer = as_owner.post(f"/api/projects/{project.pk}/annotations", late, content_type="application/json")
    assert answer.status_code == 404
    assert "has been deleted" in answer.json()["error"]["message"]
    assert as_owner.get(f"/api/projects/{project.pk}").json()["progress"]["images"] == 1
