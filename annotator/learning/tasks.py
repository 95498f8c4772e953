"""Celery tasks of learning. They import their work in the body, so that nobody else pays for it."""

from __future__ import annotations

from celery import shared_task

from annotator.jobs import bus, progress


@shared_task(name="learning.learn")
def learn(project_id: int) -> None:
    """Learn from what is new; one worker a project at a time, and what comes meanwhile makes one further turn at once."""
    from annotator.learning.learn import learn as learn_now

    again = f"again:{project_id}"
    while True:
        lock = bus.Lock(f"learning:{project_id}")
        if not lock.take():
            bus.raise_flag(again, seconds=bus.Lock.SECONDS)
            # The holder looks at the flag after it has let go: either it sees the flag, or this try succeeds.
            if not lock.take():
                return
        with lock:
            bus.lower_flag(f"learn:{project_id}")
            bus.lower_flag(again)
            learn_now(project_id)
        if not bus.is_raised(again):
            return


@shared_task(name="learning.embed")
def embed(job_id: str) -> None:
    """Compute the features that a project misses."""
    from annotator.learning.embed import embed_project

    job = progress.claim(job_id)
    if job is not None:
        with progress.running(job) as run:
            embed_project(run)


@shared_task(name="learning.challenge")
def challenge(job_id: str) -> None:
    """Try another backbone beside the one at work."""
    from annotator.learning.challenge_run import run_challenge

    job = progress.claim(job_id)
    if job is not None:
        with progress.running(job) as run:
            run_challenge(run)
