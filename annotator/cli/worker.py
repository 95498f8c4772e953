"""annotator worker: one Celery worker. `annotator up` and containers start it; a person rarely does."""

from __future__ import annotations

import argparse
import os
import socket
from typing import TYPE_CHECKING

from annotator.config.start import start_django
from annotator.supervisor.refusal import Refusal

if TYPE_CHECKING:
    from annotator.cli import Parsers

QUEUES = ("learn", "bulk", "train")
# A process that a job has made larger than this, in kilobytes, makes room for a fresh one: what it loaded would stay.
LARGEST_IDLE_PROCESS = 300_000


def add_parser(subparsers: Parsers) -> None:
    """annotator worker QUEUE[,QUEUE] [--processes N] [--healthy]"""
    parser = subparsers.add_parser("worker", help="run one worker alone")
    parser.add_argument("queues", help=f"what it works on: {', '.join(QUEUES)}, or several joined by commas")
    parser.add_argument("--processes", type=int, default=1, help="jobs at once (default: %(default)s)")
    parser.add_argument("--healthy", action="store_true", help="do not work: say by the exit code whether one here does")


def run(args: argparse.Namespace) -> int:
    """Work until SIGTERM; then finish what is in hand. With --healthy, exit code 0 when this machine's is alive."""
    queues = args.queues.split(",")
    for queue in queues:
        if queue not in QUEUES:
            raise Refusal(f"'{queue}' is not a queue: use {', '.join(QUEUES)}, or several joined by commas.")
    if args.processes < 1:
        raise Refusal(f"--processes {args.processes} is too few: use 1 or more.")

    if args.healthy:
        return 0 if _alive(queues) else 1

    # Django's checks would load every page of the site into each worker: 'annotator check' does them instead.
    os.environ["CELERY_SKIP_CHECKS"] = "true"

    from annotator.config.celery import app

    app.worker_main(worker_arguments(queues, args.processes))
    return 0


def _alive(queues: list[str]) -> bool:
    """Whether the worker of these queues on this machine has been heard of lately."""
    start_django()

    from redis.exceptions import RedisError

    from annotator.jobs.workers import workers

    try:
        return any(worker.alive and worker.name == _name(queues) for worker in workers())
    except RedisError:
        return False


def _name(queues: list[str]) -> str:
    return f"{'-'.join(queues)}@{socket.gethostname()}"


def worker_arguments(queues: list[str], processes: int) -> list[str]:
    """Celery's own words for it.

    The learn queue is worked in the worker's own process: a label reaches the model without a hop, and backbone and
    features stay warm in one place. The others run in processes of their own, so that a job that is killed or has
    grown takes nothing with it; with two of them, a long export does not keep the features of new images waiting.
    Workers do not need to know each other (no gossip, no mingle: a second less at each start).
    """
    words = [
        "worker", "--queues", ",".join(queues), "--hostname", _name(queues), "--loglevel", "INFO",
        "--without-gossip", "--without-mingle", "--without-heartbeat",
    ]
    if queues == ["learn"] and processes == 1:
        return [*words, "--pool", "solo"]
    return [
        *words, "--pool", "prefork", "--concurrency", str(processes), "-O", "fair",
        "--max-memory-per-child", str(LARGEST_IDLE_PROCESS),
    ]
