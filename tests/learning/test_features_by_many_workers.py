"""Several workers compute one project's features: each image once, and what a killed one had in hand is done again."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from redis import Redis

from annotator.images.models import Image
from annotator.jobs import shares
from annotator.jobs.models import Job, Share
from annotator.jobs.progress import cancel_job, claim, start_job
from annotator.jobs.workers import SEEN
from annotator.learning.embed import waiting
from tests.learning.features_worker import BATCH
from tests.learning.world import World
from tests.with_redis import live_redis, messages

__all__ = ["live_redis"]

ROOT = Path(__file__).resolve().parent.parent.parent
MODULE = [sys.executable, "-m", "tests.learning.features_worker"]
IMAGES = 72


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_three_workers_of_which_one_is_killed(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    environment = os.environ | {"ANNOTATOR_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "annotator.config.settings"}
    environment |= {"REDIS_URL": "unix:///nowhere/redis.sock", "ANNOTATOR_LOG_LEVEL": "ERROR"}
    if database == "postgresql":
        environment["DATABASE_URL"] = request.getfixturevalue("postgres_url")

    def ask(*words: str) -> str:
        run = subprocess.run([*MODULE, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr[-3000:]
        return run.stdout.splitlines()[-1]

    def begin(role: str, host: str, dies_at: int = 0) -> subprocess.Popen[str]:
        words = [*MODULE, role, job, host, str(tmp_path / host), str(dies_at)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(words, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True)
        assert process.stdout is not None and process.stdout.readline() == "READY\n"
        return process

    job = ask("prepare", str(IMAGES))
    # It dies in the middle of its third batch.
    leader, helper, doomed = begin("lead", "one"), begin("help", "two"), begin("help", "three", 2 * BATCH + 2)
    for process in (leader, helper, doomed):
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    ends = [process.wait(60) for process in (leader, helper, doomed)]

    assert ends == [0, 0, -signal.SIGKILL]
    told = json.loads(ask("tell", job))
    assert (told["state"], told["done"], told["total"], told["error"]) == ("done", IMAGES, IMAGES, "")
    assert (told["featured"], told["stored"], told["right"]) == (IMAGES, IMAGES, True)
    seen = {host: (tmp_path / host).read_text().split() for host in ("one", "two", "three")}
    assert told["shares"] == {"one": len(seen["one"]), "two": len(seen["two"]), "three": 2 * BATCH}
    assert min(told["shares"].values()) > 0
    # All once, but for the two images that the killed one had seen of its last batch.
    again = [sha for sha, times in Counter(itertools.chain(*seen.values())).items() if times > 1]
    assert sorted(again) == sorted(seen["three"][2 * BATCH :])


@pytest.fixture
def job(world: World) -> Job:
    """Forty images wait; this process leads."""
    world.add_images(40, featured=False)
    claimed = claim(str(start_job(project=world.project, kind=Job.Kind.FEATURES).pk))
    assert claimed is not None
    return claimed


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, job: Job) -> Share:
    """The share of a helper on another machine."""
    return _helper(monkeypatch, job, "elsewhere")


def _helper(monkeypatch: pytest.MonkeyPatch, job: Job, host: str) -> Share:
    with monkeypatch.context() as patch:
        patch.setattr(shares, "worker_name", lambda: f"{host}:1")
        share = shares.accept(str(job.pk))
    assert share is not None
    return share


def take(share: Share, count: int = 10) -> list[Image] | None:
    return shares.take(share, waiting(share.job.project_id), count)


def test_nobody_takes_what_another_has_in_hand(job: Job, elsewhere: Share) -> None:
    mine = shares.lead(job)
    hands = [take(mine), take(elsewhere), take(mine), take(elsewhere)]

    ids = [[image.pk for image in hand or []] for hand in hands]
    assert [len(hand) for hand in ids] == [10, 10, 10, 10]
    assert not set(ids[0]) & set(ids[1])
    # Nothing was marked as done, so what the first had in hand before is free again.
    assert set(ids[2]) == set(ids[0]) and set(ids[3]) == set(ids[1])


def test_when_all_is_in_hand_there_is_nothing_to_take_yet(job: Job, elsewhere: Share) -> None:
    mine = shares.lead(job)
    assert len(take(elsewhere, 100) or []) == 40

    assert take(mine) == []


def test_what_a_dead_worker_had_in_hand_is_free(job: Job, elsewhere: Share) -> None:
    mine = shares.lead(job)
    hand = take(elsewhere, 100)
    Share.objects.filter(pk=elsewhere.pk).update(alive_at=timezone.now() - shares.STALE - timedelta(seconds=1))

    assert take(mine, 100) == hand


def test_what_a_worker_puts_down_is_free_at_once(job: Job, elsewhere: Share) -> None:
    mine = shares.lead(job)
    with pytest.raises(ZeroDivisionError), shares.Alive(elsewhere):
        hand = take(elsewhere, 100)
        raise ZeroDivisionError

    assert take(mine, 100) == hand


def test_cancelling_stops_all(job: Job, elsewhere: Share) -> None:
    mine = shares.lead(job)
    take(elsewhere)
    cancel_job(job=job)

    assert take(mine) is None
    assert take(elsewhere) is None


def test_a_job_that_is_over_needs_no_help(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(state=Job.State.DONE)

    assert shares.accept(str(job.pk)) is None


def test_one_process_of_a_machine_is_enough(job: Job, elsewhere: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    shares.lead(job)

    assert shares.accept(str(job.pk)) is None
    monkeypatch.setattr(shares, "worker_name", lambda: "elsewhere:2")
    assert shares.accept(str(job.pk)) is None


def test_progress_and_notes_are_those_of_all(job: Job, elsewhere: Share) -> None:
    mine = shares.lead(job)
    shares.count(mine, done=7, notes=[])
    shares.count(elsewhere, done=5, notes=["a.jpg: it is broken"])
    shares.count(elsewhere, done=4, notes=["b.jpg: so is this"])

    assert shares.done(job) == 16
    assert shares.collect_notes(job) == ["a.jpg: it is broken", "b.jpg: so is this"]
    assert shares.collect_notes(job) == []


def test_workers_of_other_machines_are_asked_once(job: Job, live_redis: Redis) -> None:
    now = live_redis.time()[0]
    for _ in range(3):
        shares.invite(job, task="learning.help", queue="bulk")
    assert messages(live_redis, "bulk") == []

    live_redis.zadd(SEEN, {"learn@elsewhere": now, "bulk-train@elsewhere": now})
    for _ in range(3):
        shares.invite(job, task="learning.help", queue="bulk")

    assert messages(live_redis, "bulk") == [("learning.help", [str(job.pk)])]


def test_without_redis_nobody_is_asked(job: Job) -> None:
    shares.invite(job, task="learning.help", queue="bulk")
