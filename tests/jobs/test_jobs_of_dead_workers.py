"""A job whose worker died is taken up again, but not for ever."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from annotator.jobs import progress
from annotator.jobs.models import Job
from annotator.jobs.progress import claim, requeue_lost, start_job
from annotator.projects.models import Project

LONG_AGO = timedelta(hours=1)


def dead_process() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def job(project: Project) -> Job:
    """A job that this process runs."""
    claimed = claim(str(start_job(project=project, kind=Job.Kind.EXPORT).pk))
    assert claimed is not None
    return claimed


def sweep(*, attempts: int = 3) -> list[Job]:
    """As the pipeline does."""
    return requeue_lost(stale_before=timezone.now() - timedelta(seconds=30), attempts=attempts)


def test_a_job_with_a_fresh_heartbeat_is_left_alone(job: Job) -> None:
    assert sweep() == []
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING


def test_a_stale_heartbeat_means_that_it_waits_again(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - LONG_AGO, worker="elsewhere:1")

    assert sweep() == [job]
    assert claim(str(job.pk)) is not None


def test_a_dead_process_of_this_machine_is_noticed_at_once(job: Job) -> None:
    host = progress.worker_name().rpartition(":")[0]
    Job.objects.filter(pk=job.pk).update(worker=f"{host}:{dead_process()}")

    assert sweep() == [job]


def test_of_processes_elsewhere_only_the_heartbeat_tells(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(worker=f"elsewhere:{dead_process()}")

    assert sweep() == []


def test_a_job_that_kills_its_workers_has_failed(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - LONG_AGO, worker="elsewhere:1", attempts=3)

    assert sweep() == []
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "died 3 times" in job.error


def test_a_dead_job_that_was_to_be_cancelled_is(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(
        heartbeat_at=timezone.now() - LONG_AGO, worker="elsewhere:1", cancel_requested=True
    )

    assert sweep() == []
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED


@pytest.mark.parametrize("name", [progress.worker_name(), "elsewhere:1"], ids=["here", "elsewhere"])
def test_who_is_not_known_to_be_dead_is_not(name: str) -> None:
    assert not progress.worker_died(name)
