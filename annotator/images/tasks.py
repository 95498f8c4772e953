"""Celery's way into this part: fetch, call, stop."""

from __future__ import annotations

from celery import shared_task

from annotator.jobs.progress import claim, running


@shared_task(name="images.archive")
def take_archive(job_id: str) -> None:
    """Import the zip that a job names."""
    from annotator.images.archive import extract

    job = claim(job_id)
    if job is not None:
        with running(job) as run:
            extract(run)


@shared_task(name="images.sample")
def take_sample(job_id: str) -> None:
    """Import the sample images that a job names."""
    from annotator.images.samples import import_sample

    job = claim(job_id)
    if job is not None:
        with running(job) as run:
            import_sample(run)
