"""A worker process that computes invented features, for tests that start several of them and kill one.

    python -m tests.learning.features_worker prepare IMAGES            an installation with so many images; prints the job
    python -m tests.learning.features_worker lead|help JOB HOST LOG DIES_AT
    python -m tests.learning.features_worker tell JOB                  how it ended, as JSON

A worker says READY once it has its share, and begins when a line comes. Each picture that it is shown is a line in LOG.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import django
import numpy as np

DIM = 8
BATCH = 4
IMAGE_SECONDS = 0.01


class Extractor:
    """Takes its time, writes down what it sees, and dies when it is told to."""

    dim = DIM
    fingerprint = "invented-f32"

    def __init__(self, log: Path, dies_at: int) -> None:
        self.log, self.dies_at, self.seen = log, dies_at, 0

    def embed_sources(self, sources: Sequence[bytes | Path]) -> Iterator[tuple[int, object]]:
        for index, source in enumerate(sources):
            assert isinstance(source, bytes)
            self.seen += 1
            with self.log.open("a") as file:
                file.write(f"{source.decode()}\n")
            if self.seen == self.dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(IMAGE_SECONDS)
            yield index, np.full(DIM, float(int(source[:2], 16)), np.float32)


def prepare(images: int) -> None:
    """An installation in ANNOTATOR_DATA."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)

    from annotator.images.models import Image
    from annotator.jobs.progress import start_job
    from annotator.learning.models import FeatureSet
    from annotator.projects.models import User
    from annotator.projects.setup import create_project

    project = create_project(owner=User.objects.create(username="olga"), name="Cups", classes=["cup"])
    hashes = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(images)]
    Image.objects.bulk_create([
        Image(project=project, sha256=sha, name=sha, format="JPEG", width=1, height=1, size=1, sort_key=int(sha[:6], 16))
        for sha in hashes
    ])
    FeatureSet.objects.create(project=project, backbone="lite0", fingerprint=Extractor.fingerprint, dim=DIM)
    print(start_job(project=project, kind="features").pk)


def work(role: str, job_id: str, host: str, log: Path, dies_at: int) -> None:
    """Take part in the job until it is done."""
    from annotator.images import files
    from annotator.jobs import progress, shares
    from annotator.learning import embed

    name = f"{host}:{os.getpid()}"
    progress.worker_name = shares.worker_name = lambda: name
    shares.STALE, shares.BEAT_SECONDS = timedelta(seconds=1), 0.2
    files.source = lambda image: image.sha256.encode()  # type: ignore[assignment, misc]
    embed.BATCH = BATCH
    extractor = Extractor(log, dies_at)
    embed._extractor = lambda backbone, common=False: extractor  # type: ignore[assignment, misc]
    if role == "lead":
        job = progress.claim(job_id)
        assert job is not None
        _await_line()
        with progress.running(job) as run:
            embed.embed_project(run)
    else:
        share = shares.accept(job_id)
        assert share is not None
        _await_line()
        embed.help_to_embed(share)


def tell(job_id: str) -> None:
    """State, done, total, images with features, and what each worker did."""
    from annotator.images.models import Image
    from annotator.jobs.models import Job
    from annotator.learning.models import FeatureSet

    job = Job.objects.get(pk=job_id)
    from annotator.learning.embed import open_store

    store = open_store(FeatureSet.objects.get())
    hashes = list(Image.objects.filter(featured=True).values_list("sha256", flat=True))
    right = store.gather(store.rows(hashes))[:, 0] == [float(int(sha[:2], 16)) for sha in hashes]
    shares = {share.worker.partition(":")[0]: share.done for share in job.shares.all()}
    told = {"state": job.state, "done": job.done, "total": job.total, "error": job.error, "shares": shares}
    print(json.dumps(told | {"featured": len(hashes), "stored": len(store), "right": bool(right.all())}))


def _await_line() -> None:
    print("READY", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    django.setup()
    if sys.argv[1] == "prepare":
        prepare(int(sys.argv[2]))
    elif sys.argv[1] == "tell":
        tell(sys.argv[2])
    else:
        work(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]), int(sys.argv[5]))
