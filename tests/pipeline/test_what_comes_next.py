"""Each event of the loop leads to the next step, once, and never before it has been committed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import transaction
from pytest_django import DjangoCaptureOnCommitCallbacks
from redis import Redis

from annotator import pipeline
from annotator.jobs.models import Job
from annotator.jobs.progress import claim, running, start_job
from annotator.learning import embed
from annotator.learning.models import FeatureSet
from mlcore import backbones
from tests.export.tiny import tiny_backbone
from tests.learning.world import World
from tests.with_redis import messages

LEARN = "learning.learn"


@pytest.fixture
def committed(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> Callable[[Callable[[], None]], None]:
    """Does something, then what waits for the commit."""

    def do(action: Callable[[], None]) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            action()

    return do


Commit = Callable[[Callable[[], None]], None]


@pytest.mark.parametrize("event", ["annotation_made", "labels_changed", "features_ready", "images_removed"])
def test_what_is_new_is_learnt(event: str, world: World, live_redis: Redis, committed: Commit) -> None:
    committed(lambda: getattr(pipeline, event)(world.project.pk))

    assert messages(live_redis, "learn") == [(LEARN, [world.project.pk])]


def test_requests_to_learn_that_pile_up_become_one(world: World, live_redis: Redis, committed: Commit) -> None:
    for _ in range(50):
        committed(lambda: pipeline.annotation_made(world.project.pk))

    assert messages(live_redis, "learn") == [(LEARN, [world.project.pk])]


def test_nothing_is_sent_for_what_is_rolled_back(world: World, live_redis: Redis) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        pipeline.annotation_made(world.project.pk)
        _ = 1 / 0

    assert messages(live_redis, "learn") == []


def test_arrived_images_start_one_features_job(world: World, live_redis: Redis, committed: Commit) -> None:
    world.add_images(5, featured=False)
    for _ in range(3):
        committed(lambda: pipeline.images_arrived(world.project.pk))

    job = Job.objects.get(kind=Job.Kind.FEATURES)
    assert messages(live_redis, "bulk") == [("learning.embed", [str(job.pk)])]


def test_images_that_all_have_features_start_none(world: World, live_redis: Redis, committed: Commit) -> None:
    committed(lambda: pipeline.images_arrived(world.project.pk))

    assert not Job.objects.exists()


def test_features_lead_to_a_turn(world: World, live_redis: Redis, committed: Commit) -> None:
    def work() -> None:
        embed.features_grew.send(None, project_id=world.project.pk)

    committed(work)

    assert messages(live_redis, "learn") == [(LEARN, [world.project.pk])]


def test_images_that_come_after_the_last_look_get_another_job(
    world: World, live_redis: Redis, committed: Commit
) -> None:
    def work() -> None:
        job = claim(str(start_job(project=world.project, kind=Job.Kind.FEATURES).pk))
        assert job is not None
        with running(job):
            world.add_images(3, featured=False)

    committed(work)

    assert Job.objects.filter(kind=Job.Kind.FEATURES, state=Job.State.QUEUED).count() == 1


def test_an_import_that_ends_leads_to_features(world: World, live_redis: Redis, committed: Commit) -> None:
    def work() -> None:
        job = claim(str(start_job(project=world.project, kind=Job.Kind.IMPORT).pk))
        assert job is not None
        with running(job):
            world.add_images(3, featured=False)

    committed(work)

    assert Job.objects.filter(kind=Job.Kind.FEATURES).count() == 1


def test_another_backbone_without_labels_means_all_features_anew(
    world: World, live_redis: Redis, committed: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(backbones.REGISTRY, "rival", tiny_backbone(Path(__file__)))
    committed(lambda: pipeline.change_project(project=world.project, user=world.owner, backbone="rival"))

    assert embed.waiting(world.project.pk).count() == 60
    assert not FeatureSet.objects.filter(project=world.project).exists()
    assert Job.objects.filter(kind=Job.Kind.FEATURES).count() == 1


def test_another_backbone_with_labels_is_tried_beside_the_one_at_work(
    world: World, live_redis: Redis, committed: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(backbones.REGISTRY, "rival", tiny_backbone(Path(__file__)))
    world.say_some(3)
    committed(lambda: pipeline.change_project(project=world.project, user=world.owner, backbone="rival"))

    job = Job.objects.get(kind=Job.Kind.CHALLENGE)
    assert ("learning.challenge", [str(job.pk)]) in messages(live_redis, "bulk")
    assert not embed.waiting(world.project.pk).exists()


def test_without_redis_nothing_fails(world: World, committed: Commit) -> None:
    world.add_images(1, featured=False)

    committed(lambda: pipeline.annotation_made(world.project.pk))
    committed(lambda: pipeline.images_arrived(world.project.pk))

    assert Job.objects.filter(kind=Job.Kind.FEATURES, state=Job.State.QUEUED).count() == 1
