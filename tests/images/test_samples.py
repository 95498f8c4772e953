"""Digits can be tried anywhere; what needs a download says so where it cannot be had."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from annotator.images import samples
from annotator.images.models import Image, Import
from annotator.images.samples import SAMPLES, try_sample, why_not
from annotator.images.tasks import take_sample
from annotator.jobs.models import Job
from annotator.labelling.models import Standing
from annotator.projects.errors import NotFound, NotReady
from annotator.projects.models import Project, User


@pytest.fixture
def few_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first thirty, so that it takes no time."""
    load = SAMPLES["digits"].load

    def few(folder: Path) -> tuple[list[str], list[samples.Picture]]:
        classes, pictures = load(folder)
        return classes, pictures[:30]

    monkeypatch.setitem(SAMPLES, "digits", replace(SAMPLES["digits"], load=few))


def test_digits_make_a_project_with_ten_classes(user: User, few_digits: None) -> None:
    project, job = try_sample(name="digits", user=user)
    take_sample(str(job.pk))
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    assert [label.name for label in project.labels.all()] == [str(digit) for digit in range(10)]
    assert [label.key for label in project.labels.all()][:3] == ["0", "1", "2"]
    images = list(Image.objects.all())
    assert len(images) == 30
    assert {(image.width, image.height, image.format) for image in images} == {(96, 96, "PNG")}
    assert not Standing.objects.exists(), "labelling them is the fun"
    batch = Import.objects.get()
    assert (batch.source, batch.state, batch.stored) == ("sample", "closed", 30)


def test_there_are_1797_digits_and_all_differ(tmp_path: Path) -> None:
    import hashlib

    _, pictures = SAMPLES["digits"].load(tmp_path)
    assert len({hashlib.sha256(read()).digest() for _, read in pictures}) == len(pictures) == SAMPLES["digits"].images


def test_a_killed_sample_goes_on(user: User, few_digits: None, monkeypatch: pytest.MonkeyPatch) -> None:
    _, job = try_sample(name="digits", user=user)
    ingest_many = samples.ingest_many

    def dies(**values):
        for number, result in enumerate(ingest_many(**values)):
            if number == 10:
                raise KeyboardInterrupt
            yield result

    with monkeypatch.context() as patched:
        patched.setattr(samples, "ingest_many", dies)
        with pytest.raises(KeyboardInterrupt):
            take_sample(str(job.pk))
    take_sample(str(job.pk))
    batch = Import.objects.get()
    assert (batch.stored, batch.duplicates, Image.objects.count()) == (30, 0, 30)


def test_an_unknown_sample_is_said(user: User) -> None:
    with pytest.raises(NotFound, match="digits"):
        try_sample(name="unicorns", user=user)


def test_a_host_that_cannot_be_reached_makes_a_sample_unavailable(
    user: User, tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(samples, "_reachable", lambda host: False)
    assert "www.robots.ox.ac.uk" in why_not(SAMPLES["pets"])
    with pytest.raises(NotReady):
        try_sample(name="pets", user=user)
    assert not Project.objects.exists()


def test_a_download_that_breaks_fails_with_a_sentence(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(folder: Path) -> tuple[list[str], list[samples.Picture]]:
        raise ConnectionResetError(104, "Connection reset by peer")

    monkeypatch.setattr(samples, "_reachable", lambda host: True)
    monkeypatch.setitem(SAMPLES, "pets", replace(SAMPLES["pets"], load=breaks))
    _, job = try_sample(name="pets", user=user)
    take_sample(str(job.pk))
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "could not be downloaded" in job.error


def test_downloaded_files_come_by_numbers(tmp_path: Path) -> None:
    for name in ("b/Forest_2.jpg", "a/River_1.jpg"):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_bytes(name.encode())
    found = list(samples._numbered(tmp_path, "EuroSAT"))
    assert [name for name, _ in found] == ["eurosat-00000.jpg", "eurosat-00001.jpg"]
    assert {read() for _, read in found} == {b"b/Forest_2.jpg", b"a/River_1.jpg"}


def test_listing_samples_loads_neither_torch_nor_scikit_learn(tmp_path: Path) -> None:
    code = (
        "import django; django.setup(); import sys, annotator.api.urls\n"
        "from annotator.images import samples\n"
        "samples._reachable = lambda host: True\n"
        "[samples.why_not(sample) for sample in samples.SAMPLES.values()]\n"
        "print([name for name in ('torch', 'torchvision', 'sklearn', 'openvino', 'scipy') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"DJANGO_SETTINGS_MODULE": "annotator.config.settings", "ANNOTATOR_DATA": str(tmp_path)},
        cwd=Path(__file__).resolve().parent.parent.parent,
    )
    assert run.stdout.strip() == "[]"
