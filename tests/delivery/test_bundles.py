"""A bundle is asked for in one call, built by a job, and is whole or not there at all."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import default_storage

import mlcore.export
from annotator import pipeline  # noqa: F401  closes bundles whose job ends without them
from annotator.delivery import export
from annotator.delivery.export import export_now, file_name, request_bundle
from annotator.delivery.models import Bundle
from annotator.images.models import Image
from annotator.jobs.models import Job
from annotator.jobs.progress import cancel_job, claim, running
from annotator.learning.models import ModelVersion
from annotator.projects.errors import Conflict, Invalid, NotReady
from annotator.projects.models import Project, User
from annotator.projects.setup import create_project
from mlcore.export import ExportProblem, ExportStopped

ZIP = b"PK pretend"


class Row:
    """One precision of a report."""

    def as_dict(self) -> dict[str, Any]:
        return {"precision": "FP32", "accuracy": 0.9}


Exporter = Callable[..., Any]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The export itself is pretended; what it was called with is written down."""
    written: list[dict[str, Any]] = []

    def pretend(**options: Any) -> Any:
        written.append(options)
        options["progress"](0.5, "Half-way")
        path = Path(options["out_dir"]) / "bundle.zip"
        path.write_bytes(ZIP)
        return SimpleNamespace(
            report=[Row()], path=path, sha256=hashlib.sha256(ZIP).hexdigest(), size=len(ZIP), recommended="FP32",
            recommended_because="It is the only one.",
        )

    monkeypatch.setattr(mlcore.export, "export_classifier", pretend)
    return written


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """The export writes half a file and fails."""

    def pretend(**options: Any) -> Any:
        (Path(options["out_dir"]) / "bundle.zip").write_bytes(b"half")
        raise error

    monkeypatch.setattr(mlcore.export, "export_classifier", pretend)


def build(bundle: Bundle) -> Bundle:
    """What the worker does."""
    claimed = claim(str(bundle.job_id))
    assert claimed is not None
    with running(claimed) as run:
        export.build_bundle(run)
    bundle.refresh_from_db()
    return bundle


def files_of(project: Project) -> list[Path]:
    """Every file of the project's bundles, finished or not."""
    folders = [Path(settings.DATA_DIR) / "work", Path(default_storage.path(f"bundles/{project.pk}"))]
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def test_a_bundle_is_built_from_the_serving_model(project: Project, owner: User, calls: list[dict[str, Any]]) -> None:
    bundle = build(request_bundle(project=project, user=owner))

    serving = ModelVersion.objects.get(project=project, state="serving")
    assert (bundle.state, bundle.number, bundle.size, bundle.recommended) == (Bundle.State.READY, 1, len(ZIP), "FP32")
    assert bundle.model_version == serving
    assert default_storage.open(bundle.path).read() == ZIP
    assert bundle.report == [{"precision": "FP32", "accuracy": 0.9}]
    [call] = calls
    assert call["class_names"] == ["cup", "glass"]
    assert call["lineage"]["model_version"] == serving.number
    assert call["lineage"]["annotations_hash"] == serving.annotations_hash
    assert files_of(project) == [Path(default_storage.path(bundle.path))]


def test_audit_images_judge_and_never_calibrate(project: Project, owner: User, calls: list[dict[str, Any]]) -> None:
    build(request_bundle(project=project, user=owner))

    [call] = calls
    audit = {image.sha256 for image in Image.objects.filter(project=project, is_audit=True)}
    labelled = {
        image.sha256: image.standing.label.name
        for image in Image.objects.filter(project=project, is_audit=True, standing__kind="label")
    }
    assert {path.stem for path in call["calibration"]}.isdisjoint(audit)
    assert call["sample"].stem not in audit
    assert {path.stem: ["cup", "glass"][place] for path, place in call["audit"]} == labelled
    assert labelled


def test_the_job_tells_how_far_it_is(project: Project, owner: User, calls: list[dict[str, Any]]) -> None:
    bundle = build(request_bundle(project=project, user=owner))

    job = bundle.job
    assert job is not None
    assert (job.state, job.done, job.total, job.unit) == (Job.State.DONE, 50, 100, "%")
    assert "Half-way" in job.log


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ExportProblem("No image could be read; add some."), "No image could be read; add some."),
        (OSError(errno.ENOSPC, "full"), "The server's disk is full, so no bundle was made: free some space and try again."),
    ],
)
def test_a_failure_is_a_sentence_and_leaves_no_file(
    error: BaseException, sentence: str, project: Project, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(monkeypatch, error)

    bundle = build(request_bundle(project=project, user=owner))

    assert (bundle.state, bundle.error) == (Bundle.State.FAILED, sentence)
    assert files_of(project) == []


def test_an_unexpected_error_fails_the_bundle_too(
    project: Project, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(monkeypatch, RuntimeError("OpenVINO said no"))
    bundle = request_bundle(project=project, user=owner)

    with pytest.raises(RuntimeError):
        build(bundle)

    bundle.refresh_from_db()
    assert bundle.state == Bundle.State.FAILED and "unexpected error (RuntimeError)" in bundle.error
    assert files_of(project) == []


def test_a_cancelled_export_leaves_nothing(project: Project, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, ExportStopped("stopped"))

    bundle = build(request_bundle(project=project, user=owner))

    assert (bundle.state, bundle.error) == (Bundle.State.FAILED, "It was cancelled.")
    assert bundle.job is not None and bundle.job.state == Job.State.CANCELLED
    assert files_of(project) == []


def test_a_waiting_export_that_is_cancelled_closes_its_bundle(project: Project, owner: User) -> None:
    bundle = request_bundle(project=project, user=owner)
    assert bundle.job is not None
    cancel_job(job=bundle.job)

    bundle.refresh_from_db()
    assert bundle.state == Bundle.State.FAILED


def test_a_worker_that_was_killed_half_way_leaves_no_trace_when_the_next_goes_on(
    project: Project, owner: User, calls: list[dict[str, Any]]
) -> None:
    bundle = request_bundle(project=project, user=owner)
    left = Path(settings.DATA_DIR) / "work" / f"bundle-{bundle.pk}" / "half.xml"
    left.parent.mkdir(parents=True)
    left.write_text("half")

    build(bundle)

    assert files_of(project) == [Path(default_storage.path(bundle.path))]


def test_one_bundle_of_a_project_at_a_time(project: Project, owner: User, calls: list[dict[str, Any]]) -> None:
    first = request_bundle(project=project, user=owner)
    with pytest.raises(Conflict, match="being built"):
        request_bundle(project=project, user=owner)

    build(first)
    assert request_bundle(project=project, user=owner).number == 2


def test_without_a_model_there_is_nothing_to_export(owner: User) -> None:
    with pytest.raises(NotReady, match="label some images first"):
        request_bundle(project=create_project(owner=owner, name="Empty"), user=owner)


def test_a_model_of_one_class_is_not_exported(project: Project, owner: User) -> None:
    from annotator.labelling.models import Standing

    Standing.objects.filter(project=project, label=project.labels.last()).delete()

    with pytest.raises(NotReady, match="two classes"):
        request_bundle(project=project, user=owner)


def test_the_weights_of_a_bundle_are_kept(project: Project, owner: User) -> None:
    bundle = request_bundle(project=project, user=owner)

    bundle.model_version.refresh_from_db()
    assert bundle.model_version.pinned


def test_from_the_command_line_the_zip_lands_in_a_folder(
    project: Project, owner: User, calls: list[dict[str, Any]], tmp_path: Path
) -> None:
    said: list[tuple[float, str]] = []
    path = export_now(project=project, user=owner, out_dir=tmp_path / "out", on_progress=lambda *a: said.append(a))

    assert path == tmp_path / "out" / "cups-glasses-2-1.zip"
    assert path.read_bytes() == ZIP
    assert said == [(0.5, "Half-way")]
    assert Bundle.objects.get().state == Bundle.State.READY


def test_on_the_command_line_a_failure_is_raised_as_its_sentence(
    project: Project, owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(monkeypatch, ExportProblem("Nothing can be done; give up."))

    with pytest.raises(Invalid, match=r"Nothing can be done; give up\."):
        export_now(project=project, user=owner, out_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "file"), [
    ("Cups", "cups-1.zip"), ("../../etc/passwd", "etcpasswd-1.zip"), ('a"b\r\nc', "ab-c-1.zip"), ("유리", "model-1.zip"),
])
def test_downloads_have_plain_names(name: str, file: str, project: Project) -> None:
    assert file_name(Bundle(project=Project(name=name), number=1)) == file


def test_what_int8_may_lose_reaches_the_export(project: Project, owner: User, calls: list[dict[str, Any]]) -> None:
    build(request_bundle(project=project, user=owner, max_drop=0.03))
    assert calls[0]["max_drop"] == 0.03
