"""Celery tasks of delivery. They import their work in the body, so that nobody else pays for it."""

from __future__ import annotations

from celery import shared_task

from annotator.jobs import progress


@shared_task(name="delivery.export")
def export(job_id: str) -> None:
    """Build the bundle that a job stands for."""
    from annotator.delivery.export import build_bundle

    job = progress.claim(job_id)
    if job is not None:
        with progress.running(job) as run:
            build_bundle(run)
