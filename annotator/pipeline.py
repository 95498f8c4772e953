"""THE LOOP: what happens after each event. Only this module knows what comes next; the sweep makes good what was lost."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.db import transaction
from django.dispatch import receiver
from django.utils import timezone

from annotator.delivery import alerts, devices, enrol, export, rollout, vitals
from annotator.jobs import bus, events, progress
from annotator.jobs.models import Job
from annotator.labelling import lease, tally
from annotator.learning import behind, challenge, embed, leftovers, twins
from annotator.projects.errors import Conflict
from annotator.projects.models import Project, User
from annotator.projects.setup import update_project

log = logging.getLogger(__name__)

# A running job whose heartbeat is older than this has lost its worker.
STALE = timedelta(seconds=30)
ATTEMPTS = 3
# How long the sweep leaves a project alone whose features job has failed (a full disk, say).
AFTER_FAILURE = timedelta(minutes=1)
# For so long one request to learn stands for all. Should its worker die with it, the next request or the sweep makes
# another; should it only wait, a second one finds nothing new and costs next to nothing.
LEARN_FLAG_SECONDS = 5
# The same for a search for near duplicates, whose end lowers the flag.
TWINS_FLAG_SECONDS = 600


def images_arrived(project_id: int) -> None:
    """New images: compute their features. Labels that came along are learnt from once the features are there."""
    transaction.on_commit(lambda: _arrived(project_id))


def features_ready(project_id: int) -> None:
    """More images have features: rank again, without labels too."""
    transaction.on_commit(lambda: _learn(project_id))


def annotation_made(project_id: int) -> None:
    """Somebody said something about an image: learn. Requests that pile up while one waits become one."""
    transaction.on_commit(lambda: _learn(project_id))


def labels_changed(project_id: int) -> None:
    """A class was added, renamed or archived, or an option of the project changed: the model follows."""
    transaction.on_commit(lambda: _learn(project_id))


def change_project(*, project: Project, user: User, **changes: Any) -> Project:
    """Change a project's name, guidelines or options. Another backbone is tried beside the one at work (`challenge`)."""
    backbone = changes.pop("backbone", None)
    with transaction.atomic():
        if changes:
            update_project(project=project, user=user, **changes)
        if backbone is not None and backbone != challenge.at_work(project):
            challenge.start(project=project, backbone=backbone, user=user)
        labels_changed(project.pk)
    return project


def images_removed(project_id: int) -> None:
    """Images were deleted: the ranking and the judge must forget them."""
    transaction.on_commit(lambda: _learn(project_id))


@receiver(embed.features_grew)
def _on_features(sender: Any, project_id: int, **_: Any) -> None:
    features_ready(project_id)


@receiver(challenge.switched)
def _on_switch(sender: Any, project_id: int, **_: Any) -> None:
    images_arrived(project_id)
    features_ready(project_id)


@receiver(progress.finished)
def _on_job_end(sender: Any, job: Job, **_: Any) -> None:
    if job.kind == Job.Kind.FEATURES:
        features_ready(job.project_id)
        # Images that came after the job's last look would wait for the sweep.
        if job.state == Job.State.DONE and embed.waiting(job.project_id).exists():
            images_arrived(job.project_id)
    elif job.kind == Job.Kind.EXPORT:
        export.close_unfinished(job=job)
    elif job.kind == Job.Kind.CHALLENGE:
        challenge.close(job=job)
    elif job.kind in (Job.Kind.IMPORT, Job.Kind.SAMPLE):
        images_arrived(job.project_id)


def _learn(project_id: int) -> None:
    bus.send_once("learning.learn", project_id, flag=f"learn:{project_id}", seconds=LEARN_FLAG_SECONDS)


def _arrived(project_id: int) -> None:
    events.publish(project_id, "progress", dict(tally.progress(project_id)))
    _compute_features(project_id)


def _compute_features(project_id: int) -> None:
    open_jobs = Job.objects.filter(project=project_id, kind=Job.Kind.FEATURES, state__in=Job.OPEN)
    if open_jobs.exists() or not embed.waiting(project_id).exists():
        return
    try:
        progress.start_job(project=Project.objects.get(pk=project_id), kind=Job.Kind.FEATURES, message="Computing features")
    except Conflict:
        log.debug("project %s: another request has just started the features job", project_id)


@shared_task(name="pipeline.sweep")
def sweep() -> None:
    """Find work that a crash, a restart or an absent Redis left lying, and send it on its way again."""
    now = timezone.now()
    lease.end_expired()
    for job in progress.requeue_lost(stale_before=now - STALE, attempts=ATTEMPTS):
        bus.lower_flag(f"sent:{job.pk}:{job.attempts}")
    for job in Job.objects.filter(state=Job.State.QUEUED):
        progress.send(job)
    challenge.look_again()
    _see_to_devices()
    for project in Project.objects.filter(archived_at=None):
        if not _features_given_up(project.pk):
            _compute_features(project.pk)
        if behind.is_behind(project):
            _learn(project.pk)
        else:
            _find_twins(project)
    alerts.watch()
    vitals.prune()
    leftovers.clear()


def _see_to_devices() -> None:
    """Close what is through or has failed, tell pages of devices that have fallen silent, forget old codes."""
    rollout.settle_forgotten()
    devices.tell_who_fell_silent()
    enrol.forget_codes()


def _find_twins(project: Project) -> None:
    """Look for near duplicates among images that have come, once nothing more urgent is to be done."""
    pairs = twins.work_left(project)
    if pairs:
        task = "learning.twins" if pairs <= twins.FEW_PAIRS else "learning.twins_of_many"
        bus.send_once(task, project.pk, flag=f"twins:{project.pk}", seconds=TWINS_FLAG_SECONDS)


def _features_given_up(project_id: int) -> bool:
    """Whether the last features job was cancelled, or has failed a moment ago: then only new images start another."""
    last = Job.objects.filter(project=project_id, kind=Job.Kind.FEATURES).order_by("-created_at").first()
    if last is None or last.finished_at is None:
        return False
    if last.state == Job.State.CANCELLED:
        return True
    return last.state == Job.State.FAILED and timezone.now() - last.finished_at < AFTER_FAILURE
