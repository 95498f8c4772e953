"""Celery tasks of learning. They import their work in the body, so that nobody else pays for it."""

from __future__ import annotations

from collections.abc import Callable

from celery import shared_task

from annotator.jobs import bus, progress, shares


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


@shared_task(name="learning.help")
def help_to_embed(job_id: str) -> None:
    """Help with a features job that a worker of another machine leads."""
    from annotator.learning.embed import help_to_embed as help_now

    share = shares.accept(job_id)
    if share is not None:
        help_now(share)


@shared_task(name="learning.finetune")
def finetune(job_id: str) -> None:
    """Fine-tune a project's backbone."""
    from annotator.learning.finetune_run import finetune_project

    job = progress.claim(job_id)
    if job is not None:
        with progress.running(job) as run:
            finetune_project(run)


@shared_task(name="learning.replay")
def replay(job_id: str) -> None:
    """Measure what choosing saves on a project's own labels."""
    from annotator.learning.replay_run import replay_project

    job = progress.claim(job_id)
    if job is not None:
        with progress.running(job) as run:
            replay_project(run)


@shared_task(name="learning.challenge")
def challenge(job_id: str) -> None:
    """Try another backbone beside the one at work."""
    from annotator.learning.challenge_run import run_challenge

    job = progress.claim(job_id)
    if job is not None:
        with progress.running(job) as run:
            run_challenge(run)


@shared_task(name="learning.similar")
def similar(project_id: int, image_id: int, count: int, name: str) -> None:
    """Answer which images look like one; the asker waits under `name`. Silent while another worker learns the project."""
    from annotator.learning.similar import answer

    _in_turn(project_id, lambda: bus.answer(name, answer(project_id, image_id, count)))


@shared_task(name="learning.twins")
def twins(project_id: int) -> None:
    """Look for near duplicates with the arrays that are in memory: quick, or it is left to `twins_of_many`."""
    from annotator.learning.twins_search import search

    _in_turn(project_id, lambda: search(project_id, in_memory=True))
    bus.lower_flag(f"twins:{project_id}")


@shared_task(name="learning.twins_of_many")
def twins_of_many(project_id: int) -> None:
    """Look for near duplicates in a large project, which takes minutes: with arrays of its own, beside the learning."""
    from annotator.learning.twins_search import search

    lock = bus.Lock(f"twins:{project_id}")
    if lock.take():
        with lock:
            search(project_id, in_memory=False)
        bus.lower_flag(f"twins:{project_id}")


def _in_turn(project_id: int, work: Callable[[], object]) -> None:
    """Do something with the project's arrays unless another worker is at it; then learn, if that was asked for meanwhile."""
    lock = bus.Lock(f"learning:{project_id}")
    if not lock.take():
        return
    with lock:
        work()
    if bus.is_raised(f"again:{project_id}"):
        learn(project_id)
