"""Images to try the product with: handwritten digits that are always here, and data sets that torchvision downloads."""

from __future__ import annotations

import importlib.util
import io
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotator.images.bulk import Arrival, ingest_many, taken
from annotator.images.ingest import close_batch, open_batch
from annotator.images.models import Import
from annotator.jobs.models import Job
from annotator.jobs.progress import Running, start_job
from annotator.projects.errors import NotFound, NotReady
from annotator.projects.models import Project, User
from annotator.projects.setup import create_project, labels_named

DIGIT_SIDE = 96
CONNECT_SECONDS = 1.5
# Whether a host can be reached is asked this often at most.
REMEMBER_SECONDS = 300.0

Picture = tuple[str, Callable[[], bytes]]


@dataclass(frozen=True)
class Sample:
    """A set of images: `load` runs in a worker and answers its class names and its pictures (name, reader)."""

    name: str
    title: str
    images: int
    classes: int
    licence: str
    guidelines: str
    load: Callable[[Path], tuple[list[str], list[Picture]]]
    host: str = ""


def why_not(sample: Sample) -> str:
    """Why a sample cannot be had on this machine; '' when it can."""
    needed = "torchvision" if sample.host else "sklearn"
    if importlib.util.find_spec(needed) is None:
        return f"The package {needed} is not installed on this machine."
    if sample.host and not (_folder(sample).is_dir() or _reachable(sample.host)):
        return f"It is downloaded from {sample.host}, which cannot be reached: check the network, or import a folder."
    return ""


@transaction.atomic
def try_sample(*, name: str, user: User) -> tuple[Project, Job]:
    """A new project of a sample, and the job that fills it. Raises NotFound, NotReady."""
    sample = SAMPLES.get(name)
    if sample is None:
        raise NotFound(f"There is no sample '{name}': choose one of {', '.join(SAMPLES)}.", field="name")
    reason = why_not(sample)
    if reason:
        raise NotReady(reason, field="name")
    project = create_project(owner=user, name=sample.title, guidelines=sample.guidelines)
    batch = open_batch(project=project, source=Import.Source.SAMPLE, user=user, expected=sample.images, name=sample.name)
    params = {"import": batch.pk, "sample": sample.name}
    job = start_job(project=project, kind=Job.Kind.SAMPLE, params=params, user=user, total=sample.images, message="Waiting")
    return project, job


def import_sample(run: Running) -> None:
    """Fill the project of a sample; goes on where a killed worker stopped."""
    batch = Import.objects.select_related("project", "created_by").get(pk=run.job.params["import"])
    sample = SAMPLES[run.job.params["sample"]]
    run.step(taken(batch), sample.images, "Downloading" if sample.host else "Importing", now=True)
    classes, pictures = _load(sample)
    labels_named(project=batch.project, names=classes)
    done = taken(batch)
    Import.objects.filter(pk=batch.pk).update(expected=len(pictures))
    arrivals = (Arrival(name, read) for name, read in pictures[done:])
    for _ in ingest_many(project=batch.project, batch=batch, arrivals=arrivals):
        done += 1
        run.step(done, len(pictures), "Importing")
        run.stop_if_cancelled()
    close_batch(batch=batch)


def _load(sample: Sample) -> tuple[list[str], list[Picture]]:
    try:
        return sample.load(_folder(sample))
    except (OSError, HTTPException, RuntimeError) as error:
        # RuntimeError is what torchvision raises for a download that is cut off or changed.
        raise NotReady(f"{sample.title} could not be downloaded ({error}): check the network and try again.") from error


def _folder(sample: Sample) -> Path:
    return Path(settings.DATA_DIR) / "samples" / sample.name


def _digits(folder: Path) -> tuple[list[str], list[Picture]]:
    """scikit-learn's 1,797 handwritten digits of 8 x 8 pixels, enlarged."""
    from sklearn.datasets import load_digits

    images = load_digits().images
    return [str(digit) for digit in range(10)], [
        (f"digit-{number:04}.png", partial(_enlarged, pixels.astype("uint8").tolist()))
        for number, pixels in enumerate(images)
    ]


def _enlarged(pixels: list[list[int]]) -> bytes:
    """Levels 0 to 16, (8, 8), as a PNG of 96 x 96."""
    from PIL import Image

    small = Image.frombytes("L", (8, 8), bytes(min(255, level * 16) for row in pixels for level in row))
    buffer = io.BytesIO()
    small.resize((DIGIT_SIDE, DIGIT_SIDE), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


def _torchvision(dataset: str, folder: Path) -> tuple[list[str], list[Picture]]:
    """The JPEG files of a torchvision data set, by numbers: their own names would give the class away."""
    from mlcore.torchvision_shim import ensure

    ensure()
    from torchvision import datasets

    classes = list(getattr(datasets, dataset)(folder, download=True).classes)
    return classes, list(_numbered(folder, dataset))


def _numbered(folder: Path, dataset: str) -> Iterator[Picture]:
    for number, path in enumerate(sorted(folder.rglob("*.jpg"), key=lambda path: (path.stem[::-1], path.name))):
        yield f"{dataset.lower()}-{number:05}.jpg", path.read_bytes


_reached: dict[str, tuple[float, bool]] = {}


def _reachable(host: str) -> bool:
    """Whether a connection to one of the fixed hosts above can be made; asked every few minutes at most."""
    at, answer = _reached.get(host, (-REMEMBER_SECONDS, False))
    if time.monotonic() - at >= REMEMBER_SECONDS:
        try:
            with socket.create_connection((host, 443), timeout=CONNECT_SECONDS):
                answer = True
        except OSError:
            answer = False
        _reached[host] = (time.monotonic(), answer)
    return answer


SAMPLES = {
    sample.name: sample
    for sample in (
        Sample(
            "digits", "Handwritten digits", 1797, 10, "BSD-3-Clause (scikit-learn), CC BY 4.0 (UCI Optical Recognition)",
            "Choose the digit that was written. Skip what nobody could read.", _digits,
        ),
        Sample(
            "pets", "Cats and dogs (Oxford-IIIT Pet)", 7390, 37, "CC BY-SA 4.0", "Choose the breed.",
            partial(_torchvision, "OxfordIIITPet"), "www.robots.ox.ac.uk",
        ),
        Sample(
            "eurosat", "Land use from space (EuroSAT)", 27000, 10, "MIT", "Choose what the land is used for.",
            partial(_torchvision, "EuroSAT"), "huggingface.co",
        ),
        Sample(
            "flowers", "Flowers (Oxford 102)", 8189, 102, "Research use; see the data set's page", "Choose the flower.",
            partial(_torchvision, "Flowers102"), "www.robots.ox.ac.uk",
        ),
    )
}
