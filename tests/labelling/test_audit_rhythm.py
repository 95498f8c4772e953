"""Every so many tasks of a project, one is an audit image, whoever asks."""

from __future__ import annotations

from itertools import cycle

import pytest

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
    from annotator.labelling.models import Lease

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
