"""From the serving model to a bundle: asked for in one call, built by a job, whole or not there at all."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Max
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils.text import slugify

from annotator.delivery.models import Bundle
from annotator.delivery.papers import data_hash, learnt_from, papers
from annotator.images import files
from annotator.images.models import Image
from annotator.jobs import progress
from annotator.jobs.models import Job
from annotator.jobs.progress import Cancelled, Running
from annotator.labelling.models import Annotation, Standing
from annotator.learning.models import ModelVersion
from annotator.projects.access import note
from annotator.projects.errors import Conflict, Invalid, NoSpace, NotFound, NotReady
from annotator.projects.models import Project, User

# Progress is told in hundredths.
WHOLE = 100
MAX_DROP = 0.01
# Audit images that each precision is judged on: beyond this the interval hardly narrows.
AUDIT_IMAGES = 2000
FULL = "The server's disk is full, so no bundle was made: free some space and try again."


def request_bundle(*, project: Project, user: User | None, here: bool = False, max_drop: float = MAX_DROP) -> Bundle:
    """A bundle of the model that serves now, and the job that builds it (`here`: this process will, see `export_now`).

    `max_drop`: the share of accuracy that INT8 may lose before layers of it go back to floating point.

    Raises NotReady while there is no model to speak of, Conflict while another bundle of the project is being built.
    """
    with transaction.atomic():
        # The lock makes two requests at once queue up; the second then finds the first's job.
        Project.objects.select_for_update().get(pk=project.pk)
        if Job.objects.filter(project=project, kind=Job.Kind.EXPORT, state__in=Job.OPEN).exists():
            raise Conflict("A bundle of this project is being built: wait for it or cancel it.")
        version = ModelVersion.objects.filter(project=project, state=ModelVersion.State.SERVING).first()
        if version is None:
            raise NotReady("There is no model yet: label some images first.")
        labelled = Standing.objects.filter(
            project=project, kind=Annotation.Kind.LABEL, is_audit=False, label__archived_at=None
        )
        if labelled.values("label").distinct().count() < 2:
            raise NotReady("The model knows one class only: label images of at least two classes first.")
        if not ModelVersion.objects.filter(pk=version.pk, weights__isnull=False).update(pinned=True):
            raise Conflict("A newer model has just taken over: ask again.")
        last = Bundle.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0
        bundle = Bundle.objects.create(project=project, number=last + 1, model_version=version, created_by=user)
        bundle.job = progress.start_job(
            project=project, kind=Job.Kind.EXPORT, params={"bundle": bundle.pk, "max_drop": max_drop}, user=user,
            total=WHOLE, unit="%", message="Waiting for a worker", here=here,
        )
        bundle.save(update_fields=["job"])
        note(user=user, action="bundle.requested", project=project, number=bundle.number)
    return bundle


def build_bundle(run: Running) -> None:
    """Build the bundle of a job. Raises Cancelled, Invalid (a sentence) or NoSpace; then no file is left behind."""
    from mlcore.export import ExportProblem, ExportStopped, export_classifier

    bundle = Bundle.objects.select_related("project", "model_version__space").get(job=run.job)
    folder = settings.DATA_DIR / "work" / f"bundle-{bundle.pk}"
    # What a killed worker left of the same bundle goes first.
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        result = export_classifier(
            **_model(bundle.model_version), **_pictures(bundle, folder), lineage=_lineage(bundle), out_dir=folder,
            progress=_teller(run), should_stop=lambda: run.cancelled, tuned=settings.DATA_DIR / "tuned",
            papers=papers(bundle.model_version), max_drop=run.job.params.get("max_drop", MAX_DROP),
        )
        run.stop_if_cancelled()
        bundle.path = _store(result.path, f"bundles/{bundle.project_id}/{bundle.number:04d}-{result.sha256[:12]}.zip")
    except ExportStopped as error:
        raise Cancelled from error
    except ExportProblem as error:
        raise Invalid(str(error)) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(FULL) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    bundle.size, bundle.sha256 = result.size, result.sha256
    bundle.report = [row.as_dict() for row in result.report]
    bundle.recommended, bundle.recommended_why = result.recommended, result.recommended_because[:300]
    bundle.state = Bundle.State.READY
    bundle.save()
    note(
        user=bundle.created_by, action="bundle.signed", project=bundle.project, number=bundle.number, sha256=bundle.sha256,
        model_version=bundle.model_version.number,
    )


def close_unfinished(*, job: Job) -> None:
    """A job has ended without its bundle: say why, in a sentence."""
    why = "It was cancelled." if job.state == Job.State.CANCELLED else job.error
    Bundle.objects.filter(job=job, state=Bundle.State.BUILDING).update(state=Bundle.State.FAILED, error=why)


def export_now(
    *, project: Project, user: User | None, out_dir: Path, on_progress: Callable[[float, str], None] | None = None,
    max_drop: float = MAX_DROP,
) -> Path:
    """Build a bundle in this process and put a copy into `out_dir`; answers its path. `on_progress`: share done, what.

    `max_drop`: as for `request_bundle`.

    Raises a DomainError with the sentence that a person can act on.
    """
    bundle = request_bundle(project=project, user=user, here=True, max_drop=max_drop)
    job = bundle.job
    if job is None:
        raise NotFound("The job of the bundle has gone.")
    with progress.running(job) as run:
        if on_progress is not None:
            run.listeners.append(lambda done, total, message: on_progress(done / total, message))
        try:
            build_bundle(run)
        except KeyboardInterrupt as error:
            raise Cancelled from error
    bundle.refresh_from_db()
    if bundle.state != Bundle.State.READY:
        close_unfinished(job=job)
        raise Invalid(job.error or "The export was cancelled.")
    out_dir.mkdir(parents=True, exist_ok=True)
    target = out_dir / file_name(bundle)
    with default_storage.open(bundle.path) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)
    return target


@receiver(post_delete, sender=Bundle)
def _delete_file(sender: Any, instance: Bundle, **_: Any) -> None:
    """The zip goes with its row, whether that was deleted alone or with its project."""
    if instance.path:
        transaction.on_commit(partial(default_storage.delete, instance.path))


def file_name(bundle: Bundle) -> str:
    """What a download is called: letters, digits and hyphens of the project's name, and the bundle's number."""
    return f"{slugify(bundle.project.name)[:60] or 'model'}-{bundle.number}.zip"


def _model(version: ModelVersion) -> dict[str, Any]:
    from annotator.learning.fit import state_of
    from annotator.learning.weights import unpack

    if version.weights is None:
        raise NotReady("The weights of this model are no longer kept: label one more image, then export again.")
    return {
        "backbone": version.space.backbone,
        "projection_state": unpack(version.space.weights),
        "head_name": version.head,
        "head_state": state_of(version),
        "class_names": [entry["name"] for entry in version.classes],
        "class_colors": [entry["color"] for entry in version.classes],
    }


def _pictures(bundle: Bundle, folder: Path) -> dict[str, Any]:
    """Calibration and sample from the pool; labelled images, and labelled audit images, with their true class."""
    from mlcore.quantise import MAX_VALIDATION, MOST_IMAGES

    project = bundle.project
    pool = list(Image.objects.filter(project=project, is_audit=False, featured=True).order_by("sort_key")[:MOST_IMAGES])
    if not pool:
        raise NotReady("No image of this project has features yet: wait for them, then export.")
    place = {entry["id"]: number for number, entry in enumerate(bundle.model_version.classes)}
    judged = Standing.objects.filter(
        project=project, is_audit=True, kind=Annotation.Kind.LABEL, label__in=list(place), image__featured=True
    )
    audit = judged.select_related("image").order_by("image__sort_key")[:AUDIT_IMAGES]
    taught = learnt_from(bundle.model_version).filter(image__featured=True).select_related("image")
    validation = taught.order_by("image__sort_key")[:MAX_VALIDATION]

    def told(standings: Iterable[Standing]) -> list[tuple[Path, int]]:
        found = ((files.local(one.image, folder), place[one.label_id or 0]) for one in standings)
        return [(path, truth) for path, truth in found if path is not None]

    calibration = [path for image in pool if (path := files.local(image, folder)) is not None]
    if not calibration:
        raise NotReady("The image files of this project are missing: import them again to mend it.")
    return {
        "calibration": calibration,
        "audit": told(audit),
        "validation": told(validation),
        "sample": calibration[0],
    }


def _lineage(bundle: Bundle) -> dict[str, Any]:
    version = bundle.model_version
    return {
        "project": {"id": bundle.project_id, "name": bundle.project.name},
        "bundle": bundle.number,
        "model_version": version.number,
        "labels": version.label_count,
        "annotations_hash": version.annotations_hash,
        "data_hash": data_hash(version),
        "temperature": version.temperature,
        "metrics": {
            "accuracy": version.accuracy, "accuracy_low": version.accuracy_low, "accuracy_high": version.accuracy_high,
            "audit_count": version.audit_count, "macro_f1": version.metrics.get("macro_f1"),
            "kappa": version.metrics.get("kappa"),
        },
        "created_at": bundle.created_at.isoformat(),
    }


def _teller(run: Running) -> Callable[[float, str], None]:
    said = ""

    def tell(fraction: float, message: str) -> None:
        nonlocal said
        if message != said:
            said = message
            run.log(message)
        run.step(round(WHOLE * fraction), WHOLE, message)

    return tell


def _store(path: Path, name: str) -> str:
    """Move a finished file into storage, where it appears whole; answers its name there."""
    try:
        target = Path(default_storage.path(name))
    except NotImplementedError:
        with path.open("rb") as file:
            return str(default_storage.save(name, File(file)))
    target.parent.mkdir(parents=True, exist_ok=True)
    # The work folder and local storage lie in the data directory; elsewhere the copy is made beside, then renamed.
    beside = target.with_name(f".{target.name}.part")
    try:
        shutil.move(path, beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return name
