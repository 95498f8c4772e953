"""Started, sent, claimed by one worker, told about, and ended in exactly one way."""

from __future__ import annotations

import pytest
from django.core.exceptions import ObjectDoesNotExist
from pytest_django import DjangoCaptureOnCommitCallbacks
from redis import Redis

from annotator.jobs import progress
from annotator.jobs.models import Job
from annotator.jobs.progress import Cancelled, Taken, cancel_job, claim, running, start_job
from annotator.projects.errors import Conflict, NoSpace
from annotator.projects.models import Project
from tests.with_redis import messages

Kind, State = Job.Kind, Job.State


def started(project: Project, kind: str = Kind.EXPORT) -> Job:
    """A job that a worker has taken up."""
    job = claim(str(start_job(project=project, kind=kind).pk))
    assert job is not None
    return job


def test_it_is_sent_to_its_queue_when_the_transaction_is_through(
    project: Project, live_redis: Redis, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = start_job(project=project, kind=Kind.EXPORT)
        assert messages(live_redis, "train") == []

    assert messages(live_redis, "train") == [("delivery.export", [str(job.pk)])]


def test_it_is_sent_once_however_often_it_is_asked_for(project: Project, live_redis: Redis) -> None:
    job = start_job(project=project, kind=Kind.FEATURES)

    assert progress.send(job) and progress.send(job)

    assert messages(live_redis, "bulk") == [("learning.embed", [str(job.pk)])]


def test_without_redis_it_waits(
    project: Project, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = start_job(project=project, kind=Kind.FEATURES)

    assert not progress.send(job)
    job.refresh_from_db()
    assert job.state == State.QUEUED


def test_of_two_workers_one_gets_it(project: Project) -> None:
    job = start_job(project=project, kind=Kind.FEATURES)

    assert claim(str(job.pk)) is not None
    assert claim(str(job.pk)) is None


def test_a_project_has_one_features_job_at_a_time(project: Project) -> None:
    first = start_job(project=project, kind=Kind.FEATURES)
    with pytest.raises(Conflict, match="already at work"):
        start_job(project=project, kind=Kind.FEATURES)

    cancel_job(job=first)
    start_job(project=project, kind=Kind.FEATURES)


def test_work_that_ends_well_is_done(project: Project) -> None:
    job = started(project)
    with running(job) as run:
        run.step(1, 4, "Reading")
        run.step(4, 4, "Reading")
        run.log("read four")

    job.refresh_from_db()
    assert (job.state, job.done, job.total, job.message, job.error) == (State.DONE, 4, 4, "Reading", "")
    assert "read four" in job.log
    assert job.finished_at is not None and job.eta_seconds is None


def test_a_wrong_turn_in_the_domain_becomes_its_sentence(project: Project) -> None:
    job = started(project)
    with running(job):
        raise NoSpace("The disk is full: free some space.")

    job.refresh_from_db()
    assert (job.state, job.error) == (State.FAILED, "The disk is full: free some space.")


def test_an_unexpected_error_is_told_and_logged_and_not_swallowed(project: Project) -> None:
    job = started(project)
    with pytest.raises(ObjectDoesNotExist), running(job):
        raise ObjectDoesNotExist("nobody home")

    job.refresh_from_db()
    assert job.state == State.FAILED
    assert "unexpected error (ObjectDoesNotExist)" in job.error
    assert "Traceback" in job.log and "nobody home" in job.log


def test_a_worker_that_is_stopped_leaves_the_job_to_the_next(project: Project) -> None:
    job = started(project)
    with pytest.raises(SystemExit), running(job):
        raise SystemExit

    job.refresh_from_db()
    assert job.state == State.QUEUED
    again = claim(str(job.pk))
    assert again is not None and again.attempts == 2


def test_a_waiting_job_is_cancelled_at_once(project: Project) -> None:
    job = cancel_job(job=start_job(project=project, kind=Kind.EXPORT))

    assert job.state == State.CANCELLED
    assert claim(str(job.pk)) is None


def test_a_running_job_is_cancelled_at_its_next_step(project: Project) -> None:
    job = started(project)
    with running(job) as run:
        assert not run.cancelled
        cancel_job(job=Job.objects.get(pk=job.pk))
        run._asked = 0.0
        with pytest.raises(Cancelled):
            run.stop_if_cancelled()
        raise Cancelled

    job.refresh_from_db()
    assert job.state == State.CANCELLED


def test_a_job_that_has_ended_stays_as_it_is(project: Project) -> None:
    job = started(project)
    with running(job):
        pass

    assert cancel_job(job=Job.objects.get(pk=job.pk)).state == State.DONE


def test_a_worker_whose_job_was_given_away_stops_and_changes_nothing(project: Project) -> None:
    job = started(project)
    with running(job) as run:
        Job.objects.filter(pk=job.pk).update(state=State.QUEUED)
        other = claim(str(job.pk))
        with pytest.raises(Taken):
            run.step(3, 4, now=True)
        raise Taken

    job.refresh_from_db()
    assert other is not None
    assert (job.state, job.attempts, job.done) == (State.RUNNING, 2, 0)


def test_the_time_left_follows_from_the_pace() -> None:
    assert progress._eta(10.0, 50, 150) == 30.0
    assert progress._eta(10.0, 0, 150) is None


def test_a_long_log_keeps_its_end(project: Project) -> None:
    job = started(project)
    with running(job) as run:
        run.log("first")
        run.log("x" * progress.LOG_LENGTH)
        run.log("last")

    job.refresh_from_db()
    assert len(job.log) <= progress.LOG_LENGTH
    assert job.log.endswith("last\n") and "first" not in job.log


def test_every_kind_of_job_has_a_task() -> None:
    assert set(progress.TASKS) == set(Job.Kind)
