"""Every so many tasks of a project, one is an audit image, whoever asks."""

from __future__ import annotations

from datetime import timedelta
from itertools import cycle

import pytest
from django.utils import timezone

from annotator.labelling import lease
from annotator.labelling.models import Lease
from annotator.labelling.queue import next_tasks
from annotator.projects.models import Label, Project, User
from tests.labelling.answers import say
from tests.labelling.rows import make_images, rank


@pytest.mark.parametrize("at_once", [1, 3, 7, 25])
def test_every_tenth_task_is_an_audit_image(project: Project, anna: User, cup: Label, at_once: int) -> None:
    make_images(project, 60, audits=20)
    kinds: list[bool] = []
    while len(kinds) < 50:
        for task in next_tasks(project=project, user=anna, client="a", count=at_once):
            kinds.append(task.is_audit)
            say(task.image, anna, cup)
    assert [number for number, is_audit in enumerate(kinds[:50], start=1) if is_audit] == [10, 20, 30, 40, 50]


def test_the_rhythm_is_the_projects_and_not_each_clients(project: Project, anna: User) -> None:
    make_images(project, 60, audits=20)
    clients = cycle(["a", "b", "c"])
    kinds = [
        task.is_audit for _ in range(30) for client in [next(clients)]
        for task in next_tasks(project=project, user=anna, client=client, exclude=held(project, client))
    ]
    assert [number for number, is_audit in enumerate(kinds, start=1) if is_audit] == [10, 20, 30]


def held(project: Project, client: str) -> list[int]:
    return list(Lease.objects.filter(project=project, client=client).values_list("pk", flat=True))


def test_audit_tasks_carry_no_guess(project: Project, anna: User) -> None:
    project.audit_every = 2
    project.save()
    images = make_images(project, 2, audits=2)
    rank(project, images)
    tasks = next_tasks(project=project, user=anna, client="a", count=4)
    assert [task.is_audit for task in tasks] == [False, True, False, True]
    assert [task.shown["guess"] is None for task in tasks] == [False, True, False, True]
    assert tasks[1].shown["reason"]["code"] == "audit"


def test_ranked_audit_images_come_in_their_order(project: Project, anna: User) -> None:
    project.audit_every = 2
    project.save()
    images = make_images(project, 3, audits=3)
    rank(project, [*images[:3], images[5], images[4], images[3]])
    tasks = next_tasks(project=project, user=anna, client="a", count=6)
    assert [task.image.pk for task in tasks if task.is_audit] == [images[5].pk, images[4].pk, images[3].pk]


def test_when_only_audit_images_are_left_they_are_asked_too(project: Project, anna: User) -> None:
    images = make_images(project, 1, audits=3)
    tasks = next_tasks(project=project, user=anna, client="a", count=4)
    assert [task.image.pk for task in tasks] == [image.pk for image in images]


def test_audit_images_that_come_late_are_not_made_up_for_in_a_row(project: Project, anna: User, cup: Label) -> None:
    make_images(project, 60)
    for _ in range(40):
        [task] = next_tasks(project=project, user=anna, client="a")
        say(task.image, anna, cup)
    make_images(project, 0, audits=10)
    tasks = next_tasks(project=project, user=anna, client="a", count=20)
    assert sum(task.is_audit for task in tasks) == 2
    assert tasks[0].is_audit


def test_a_page_that_asks_anew_after_each_answer_still_comes_to_its_audit_images(
    project: Project, anna: User, cup: Label
) -> None:
    """What the label page does: after each ranking it gives back what it holds ahead, and asks again."""
    make_images(project, 80, audits=20)
    answered: list[bool] = []
    ahead = next_tasks(project=project, user=anna, client="a", count=5)
    while len(answered) < 40:
        task = ahead[0]
        say(task.image, anna, cup, client="a")
        answered.append(task.is_audit)
        lease.release(project=project, user=anna, client="a", images=[task.image.pk for task in ahead[2:]])
        kept = [ahead[1].image.pk]
        ahead = [ahead[1], *next_tasks(project=project, user=anna, client="a", count=4, exclude=kept)]
    assert [number for number, is_audit in enumerate(answered, start=1) if is_audit] == [10, 20, 30, 40]


@pytest.mark.parametrize("by", ["next_tasks", "sweep"])
def test_a_page_that_went_silent_with_an_audit_image_does_not_cost_the_judge_one(
    project: Project, anna: User, ben: User, by: str
) -> None:
    make_images(project, 60, audits=20)
    tasks = next_tasks(project=project, user=anna, client="a", count=12)
    assert [task.is_audit for task in tasks].index(True) == 9
    Lease.objects.filter(client="a").update(expires_at=timezone.now() - timedelta(seconds=1))
    if by == "sweep":
        lease.end_expired()
        assert not Lease.objects.exists()
    tasks = next_tasks(project=project, user=ben, client="b", count=12)
    assert [number for number, task in enumerate(tasks, start=1) if task.is_audit] == [10]


def test_what_was_taken_back_by_its_author_is_no_task(project: Project, anna: User, cup: Label) -> None:
    images = make_images(project, 30, audits=5)
    next_tasks(project=project, user=anna, client="a", count=5)
    say(images[20], anna, cup)
    say(images[20], anna, "clear", client="b")
    assert lease.release(project=project, user=anna, client="b") == 1
    tasks = next_tasks(project=project, user=anna, client="c", count=6)
    assert [number for number, task in enumerate(tasks, start=6) if task.is_audit] == [10]
