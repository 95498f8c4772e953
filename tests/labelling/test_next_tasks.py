"""The queue hands out the best free images, each to one client."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from annotator.images.models import Image
from annotator.labelling import lease
from annotator.labelling.models import Lease
from annotator.labelling.queue import next_tasks
from annotator.projects.errors import Invalid
from annotator.projects.models import Label, Project, User
from tests.labelling.answers import say
from tests.labelling.rows import make_images, rank


def ids(tasks: list) -> list[int]:
    return [task.image.pk for task in tasks]


def test_candidates_come_in_the_order_of_the_ranking(project: Project, anna: User) -> None:
    images = make_images(project, 5)
    rank(project, images[::-1])
    assert ids(next_tasks(project=project, user=anna, client="a", count=3)) == [image.pk for image in images[:1:-1]]


def test_a_task_says_why_and_what_the_model_thinks(project: Project, anna: User, cup: Label) -> None:
    rank(project, make_images(project, 1), model=7)
    [task] = next_tasks(project=project, user=anna, client="a")
    assert task.shown == {
        "reason": {"code": "torn", "text": "torn between cup and glass"},
        "guess": {"label": cup.pk, "confidence": 0.6},
        "top": [{"label": cup.pk, "confidence": 0.6}],
        "model_version": 7,
    }


def test_without_a_ranking_images_come_in_their_fixed_order(project: Project, anna: User) -> None:
    images = make_images(project, 4)
    tasks = next_tasks(project=project, user=anna, client="a", count=4)
    assert ids(tasks) == [image.pk for image in images]
    assert {task.shown["reason"]["code"] for task in tasks} == {"unranked"}
    assert all(task.shown["guess"] is None for task in tasks)


def test_where_the_ranking_ends_the_fixed_order_goes_on(project: Project, anna: User) -> None:
    images = make_images(project, 4)
    rank(project, [images[2]])
    assert ids(next_tasks(project=project, user=anna, client="a", count=4)) == [images[n].pk for n in (2, 0, 1, 3)]


def test_two_clients_never_get_the_same_image(project: Project, anna: User, ben: User) -> None:
    rank(project, make_images(project, 6))
    first = ids(next_tasks(project=project, user=anna, client="a", count=3))
    second = ids(next_tasks(project=project, user=ben, client="b", count=6))
    assert len(first) == len(second) == 3
    assert not set(first) & set(second)


def test_two_pages_of_one_person_are_two_clients(project: Project, anna: User) -> None:
    make_images(project, 4)
    first = ids(next_tasks(project=project, user=anna, client="left", count=2))
    assert not set(first) & set(ids(next_tasks(project=project, user=anna, client="right", count=2)))


def test_what_a_client_holds_comes_again_first(project: Project, anna: User) -> None:
    rank(project, make_images(project, 5))
    held = next_tasks(project=project, user=anna, client="a", count=2)
    again = next_tasks(project=project, user=anna, client="a", count=3)
    assert ids(again)[:2] == ids(held)
    assert [task.shown for task in again[:2]] == [task.shown for task in held]


def test_what_a_client_says_it_holds_does_not_come_again(project: Project, anna: User) -> None:
    make_images(project, 5)
    held = ids(next_tasks(project=project, user=anna, client="a", count=2))
    more = ids(next_tasks(project=project, user=anna, client="a", count=2, exclude=held))
    assert len(more) == 2
    assert not set(held) & set(more)


def test_an_excluded_image_stays_excluded_when_its_lease_is_gone(project: Project, anna: User) -> None:
    images = make_images(project, 2)
    assert ids(next_tasks(project=project, user=anna, client="a", count=2, exclude=[images[0].pk])) == [images[1].pk]


def test_answered_skipped_and_flagged_images_leave_the_queue(project: Project, anna: User, cup: Label) -> None:
    images = make_images(project, 4)
    rank(project, images)
    say(images[0], anna, cup)
    say(images[1], anna, "skip")
    say(images[2], anna, "flag")
    assert ids(next_tasks(project=project, user=anna, client="a", count=4)) == [images[3].pk]


def test_an_answer_that_is_taken_back_returns_the_image_to_who_took_it_back(project: Project, anna: User, ben: User) -> None:
    [image] = make_images(project, 1)
    say(image, anna, "skip")
    say(image, anna, "clear", client="a")
    assert next_tasks(project=project, user=ben, client="b") == []
    assert ids(next_tasks(project=project, user=anna, client="a")) == [image.pk]


@pytest.mark.parametrize("ranked", [True, False])
def test_a_cleared_image_comes_back_to_everybody_once_it_is_let_go(
    project: Project, anna: User, ben: User, cup: Label, ranked: bool
) -> None:
    images = make_images(project, 3)
    if ranked:
        rank(project, images)
    for task in next_tasks(project=project, user=anna, client="a", count=3):
        say(task.image, anna, cup, client="a")
    say(images[0], anna, "clear", client="a")
    lease.release(project=project, user=anna, client="a")
    assert ids(next_tasks(project=project, user=ben, client="b", count=3)) == [images[0].pk]


def test_an_expired_lease_frees_the_image(project: Project, anna: User, ben: User) -> None:
    [image] = make_images(project, 1)
    next_tasks(project=project, user=anna, client="a")
    assert next_tasks(project=project, user=ben, client="b") == []
    Lease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert ids(next_tasks(project=project, user=ben, client="b")) == [image.pk]


def test_a_renewed_lease_lasts_and_a_lost_one_is_told(project: Project, anna: User, ben: User) -> None:
    images = make_images(project, 2)
    next_tasks(project=project, user=anna, client="a", count=2)
    Lease.objects.filter(pk=images[0].pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    next_tasks(project=project, user=ben, client="b")
    until, lost = lease.renew(project=project, user=anna, client="a", images=[image.pk for image in images])
    assert lost == [images[0].pk]
    assert until > timezone.now()
    assert Lease.objects.get(pk=images[0].pk).client == "b"


def test_a_client_gives_back_what_it_names_or_everything(project: Project, anna: User, ben: User) -> None:
    images = make_images(project, 3)
    next_tasks(project=project, user=anna, client="a", count=3)
    assert lease.release(project=project, user=anna, client="a", images=[images[1].pk]) == 1
    assert ids(next_tasks(project=project, user=ben, client="b", count=3)) == [images[1].pk]
    assert lease.release(project=project, user=anna, client="a") == 2
    assert lease.release(project=project, user=ben, client="a") == 0, "only what is one's own"


def test_an_empty_queue_is_empty(project: Project, anna: User, cup: Label) -> None:
    assert next_tasks(project=project, user=anna, client="a") == []
    for image in make_images(project, 3, audits=1):
        say(image, anna, cup)
    assert next_tasks(project=project, user=anna, client="a", count=5) == []


def test_a_candidate_whose_image_is_deleted_is_passed_over(project: Project, anna: User) -> None:
    images = make_images(project, 2)
    rank(project, images)
    Image.objects.filter(pk=images[0].pk).delete()
    assert ids(next_tasks(project=project, user=anna, client="a", count=2)) == [images[1].pk]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("client", {"client": ""}),
        ("client", {"client": "x" * 65}),
        ("count", {"client": "a", "count": 0}),
        ("count", {"client": "a", "count": 51}),
        ("exclude", {"client": "a", "exclude": range(501)}),
    ],
)
def test_bad_requests_name_the_field(project: Project, anna: User, field: str, values: dict) -> None:
    with pytest.raises(Invalid) as caught:
        next_tasks(project=project, user=anna, **values)
    assert caught.value.field == field


def test_one_person_labels_a_whole_project_and_sees_each_image_once(project: Project, anna: User, cup: Label) -> None:
    make_images(project, 23, audits=4)
    seen: list[int] = []
    while tasks := next_tasks(project=project, user=anna, client="a", count=2):
        for task in tasks:
            seen.append(task.image.pk)
            say(task.image, anna, cup, client="a")
    assert sorted(seen) == sorted(Image.objects.values_list("pk", flat=True))
