"""From a device's doubt to a better model: what it sent is ranked, asked about soon, labelled and learnt from."""

from __future__ import annotations

import pytest

from annotator.delivery.models import Device
from annotator.delivery.sightings import take_sighting
from annotator.images.models import Image
from annotator.labelling import lease
from annotator.labelling.models import Candidate
from annotator.labelling.queue import next_tasks
from annotator.learning.learn import learn
from annotator.projects.models import Label
from tests.back.devices import make_device, seen
from tests.images.pictures import encoded, picture
from tests.learning.world import World


@pytest.fixture
def lobby(world: World) -> Device:
    """A device of the world's."""
    return make_device(world.project)


def send(world: World, device: Device, *truths: Label) -> list[Image]:
    """The device sends pictures of these classes, and their features are computed."""
    images = []
    for truth in truths:
        outcome = take_sighting(device=device, seen=seen(), image=encoded(picture(world.project.images.count())))
        assert outcome.sighting is not None and outcome.sighting.image is not None
        images.append(outcome.sighting.image)
        world.truth[images[-1].pk] = truth
    world.feature(images)
    return images


def test_from_a_sighting_to_the_next_version(world: World, lobby: Device) -> None:
    world.say_some(20)
    before = learn(world.project.pk)
    sent = send(world, lobby, *world.labels)
    learn(world.project.pk)
    asked = []
    for _ in range(9):
        [task] = next_tasks(project=world.project, user=world.owner, client="a")
        asked.append(task)
        world.say(task.image)
    from_lobby = {image.pk for image in sent}
    assert [task.image.pk in from_lobby for task in asked] == [False, True, False] * 3
    reasons = {task.shown["reason"]["text"] for task in asked if task.image.pk in from_lobby}
    assert all(reason.startswith(("from Lobby: torn between", "from Lobby: unlike anything it was trained on",
                                  "from Lobby: may be")) for reason in reasons)
    assert all(task.shown["guess"] for task in asked)
    after = learn(world.project.pk)
    assert before is not None and after is not None
    assert after.number > before.number and after.label_count == 29


def test_the_strategys_own_order_is_as_without_them(world: World, lobby: Device) -> None:
    """What a device sent changes the model's view of the pool a little, but takes no place of the strategy's choice."""
    world.say_some(20)
    send(world, lobby, *world.labels * 4)
    learn(world.project.pk)
    ranked = Candidate.objects.filter(is_audit=False).order_by("position")
    order = list(ranked.values_list("image__batch__source", flat=True))
    assert order == [None] * (len(order) - 12) + ["device"] * 12


def test_the_judges_rhythm_holds_beside_them(world: World, lobby: Device) -> None:
    send(world, lobby, *world.labels * 12)
    learn(world.project.pk)
    tasks = next_tasks(project=world.project, user=world.owner, client="a", count=30)
    reasons = [task.shown["reason"]["text"] for task in tasks]
    kinds = [
        "audit" if task.is_audit else "sent" if reason.startswith("from") else "learn"
        for task, reason in zip(tasks, reasons, strict=True)
    ]
    assert [number for number, kind in enumerate(kinds, start=1) if kind == "audit"] == [10, 20, 30]
    assert [number for number, kind in enumerate(kinds, start=1) if kind == "sent"] == [2, 5, 8, 11, 14, 17, 21, 23, 26, 29]


@pytest.mark.parametrize("every", [2, 3])
def test_a_judge_that_comes_often_does_not_keep_them_out(world: World, lobby: Device, every: int) -> None:
    world.project.audit_every = every
    world.project.save()
    send(world, lobby, *world.labels * 4)
    learn(world.project.pk)
    tasks = next_tasks(project=world.project, user=world.owner, client="a", count=12)
    sent = [task for task in tasks if task.shown["reason"]["text"].startswith("from")]
    assert (len(sent), sum(task.is_audit for task in tasks)) == (4, 12 // every)


def test_a_page_that_asks_anew_after_each_answer_still_comes_to_them(world: World, lobby: Device) -> None:
    send(world, lobby, *world.labels * 4)
    learn(world.project.pk)
    person = {"project": world.project, "user": world.owner, "client": "a"}
    ahead = next_tasks(**person, count=5)
    answered = []
    while len(answered) < 12:
        answered.append(ahead[0].shown["reason"]["text"].startswith("from"))
        world.say(ahead[0].image)
        lease.release(**person, images=[task.image.pk for task in ahead[2:]])
        ahead = [ahead[1], *next_tasks(**person, count=4, exclude=[ahead[1].image.pk])]
    assert [number for number, sent in enumerate(answered, start=1) if sent] == [2, 5, 8, 11]


def test_when_nothing_else_is_left_they_are_all_asked(world: World, lobby: Device) -> None:
    for image in [*world.pool(), *world.audit()]:
        world.say(image)
    sent = send(world, lobby, *world.labels)
    learn(world.project.pk)
    tasks = next_tasks(project=world.project, user=world.owner, client="a", count=10)
    assert {task.image.pk for task in tasks} == {image.pk for image in sent}


def test_without_a_ranking_they_come_like_all_others(world: World, lobby: Device) -> None:
    sent = send(world, lobby, world.labels[0])
    tasks = next_tasks(project=world.project, user=world.owner, client="a", count=50)
    assert len(tasks) == 50 and {task.shown["reason"]["code"] for task in tasks} == {"unranked", "audit"}
    assert not sent[0].is_audit
