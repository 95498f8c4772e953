"""Whatever a crash, a restart or an absent Redis left lying is found and sent on its way again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks
from redis import Redis

from annotator.jobs.models import Job
from annotator.jobs.progress import cancel_job, claim, start_job
from annotator.labelling.models import Lease
from annotator.learning.learn import learn
from annotator.learning.twins_search import search
from annotator.pipeline import STALE, sweep
from annotator.projects.setup import add_label
from tests.learning.world import World
from tests.with_redis import messages

Kind, State = Job.Kind, Job.State


@pytest.fixture
def swept(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, live_redis: Redis) -> Sweep:
    """Sweeps as a worker does, and says what was sent to a queue."""
    return Sweep(django_capture_on_commit_callbacks, live_redis)


class Sweep:
    """`swept("learn")`: the messages in that queue after a sweep."""

    def __init__(self, capture: DjangoCaptureOnCommitCallbacks, client: Redis) -> None:
        self.capture, self.client = capture, client

    def __call__(self, queue: str) -> list[tuple[str, list[object]]]:
        with self.capture(execute=True):
            sweep()
        return messages(self.client, queue)


def test_a_label_that_nobody_learnt_from_is_learnt_from(world: World, swept: Sweep) -> None:
    learn(world.project.pk)
    search(world.project.pk, in_memory=True)
    assert swept("learn") == []

    world.say_some(1)

    assert swept("learn") == [("learning.learn", [world.project.pk])]


@pytest.mark.parametrize("change", ["image", "feature", "class", "strategy", "answer taken back"])
def test_so_is_everything_else_that_a_ranking_depends_on(change: str, world: World, swept: Sweep) -> None:
    late = world.add_images(1, featured=False)
    [said] = world.say_some(1)
    learn(world.project.pk)
    if change == "image":
        world.add_images(1)
    elif change == "feature":
        world.feature(late)
    elif change == "class":
        add_label(project=world.project, name="bowl")
    elif change == "strategy":
        world.project.strategy = "random"
        world.project.save()
    else:
        world.say(said, kind="clear")

    assert swept("learn") == [("learning.learn", [world.project.pk])]


def test_near_duplicates_are_looked_for_once_all_is_learnt(world: World, swept: Sweep) -> None:
    learn(world.project.pk)

    assert swept("learn") == [("learning.twins", [world.project.pk])]


def test_in_a_large_project_that_is_left_to_a_worker_of_the_other_queue(
    world: World, swept: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotator.learning.twins.FEW_PAIRS", 1000)
    learn(world.project.pk)

    assert swept("bulk") == [("learning.twins_of_many", [world.project.pk])]


def test_a_first_ranking_is_made_where_there_is_none(world: World, swept: Sweep) -> None:
    assert swept("learn") == [("learning.learn", [world.project.pk])]


def test_images_without_features_get_a_job(world: World, swept: Sweep) -> None:
    learn(world.project.pk)
    world.add_images(4, featured=False)

    assert [task for task, _ in swept("bulk")] == ["learning.embed"]


def test_a_features_job_that_was_cancelled_stays_so(world: World, swept: Sweep) -> None:
    world.add_images(4, featured=False)
    cancel_job(job=start_job(project=world.project, kind=Kind.FEATURES))

    assert swept("bulk") == []


def test_a_features_job_that_failed_is_tried_again_later(world: World, swept: Sweep) -> None:
    world.add_images(4, featured=False)
    job = start_job(project=world.project, kind=Kind.FEATURES)
    Job.objects.filter(pk=job.pk).update(state=State.FAILED, finished_at=timezone.now())
    assert swept("bulk") == []

    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(minutes=5))

    assert len(swept("bulk")) == 1


def test_a_waiting_job_whose_message_was_lost_is_sent_again(world: World, swept: Sweep) -> None:
    job = start_job(project=world.project, kind=Kind.EXPORT)

    assert swept("train") == [("delivery.export", [str(job.pk)])]
    assert len(swept("train")) == 1


def test_a_job_of_a_dead_worker_is_sent_again(world: World, swept: Sweep) -> None:
    job = claim(str(start_job(project=world.project, kind=Kind.EXPORT).pk))
    assert job is not None
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - 2 * STALE, worker="elsewhere:1")

    assert swept("train") == [("delivery.export", [str(job.pk)])]


def test_leases_that_have_run_out_are_deleted(world: World, swept: Sweep) -> None:
    now = timezone.now()
    first, second = world.pool()[:2]
    for image, until in ((first, now - timedelta(seconds=1)), (second, now + timedelta(minutes=1))):
        Lease.objects.create(image=image, project=world.project, user=world.owner, client="a", expires_at=until)

    swept("learn")

    assert list(Lease.objects.values_list("image", flat=True)) == [second.pk]


def test_archived_projects_are_left_in_peace(world: World, swept: Sweep) -> None:
    world.project.archived_at = timezone.now()
    world.project.save()

    assert swept("learn") == []
