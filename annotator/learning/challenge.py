"""Another backbone may replace the one at work if it is better: asked for, judged beside it, switched to in one moment."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.dispatch import Signal

from annotator.jobs import progress
from annotator.jobs.models import Job
from annotator.labelling import tally
from annotator.labelling.models import Annotation, Standing
from annotator.learning.embed import forget_features
from annotator.learning.models import Challenger, FeatureSet
from annotator.projects.access import note
from annotator.projects.errors import Conflict, Invalid, NotReady
from annotator.projects.models import Project, User

if TYPE_CHECKING:
    from mlcore.backbones import Backbone

log = logging.getLogger(__name__)

# An undecided challenger is looked at again when there are twice the audit labels, and at least so many more.
MORE_LABELS = 20
BUSY = "Another backbone is being tried in this project: wait for it, or cancel it first."

# Sent with `project_id` when another backbone has taken over; `pipeline` listens.
switched = Signal()


def find(name: str) -> Backbone:
    """The backbone of that name, fine-tuned ones included. Raises Invalid for an unknown one."""
    from mlcore import backbones

    try:
        return backbones.find(name, settings.DATA_DIR / "tuned")
    except ValueError as error:
        raise Invalid(str(error), field="backbone") from error


def title(name: str) -> str:
    """What people call a backbone; its bare name when it is no longer there."""
    try:
        return find(name).title
    except Invalid:
        return name


def title_of(challenger: Challenger) -> str:
    """What people call a challenger's backbone; as it was called when it was judged, where it is no longer there."""
    known = ((challenger.comparison or {}).get("new") or {}).get("title")
    try:
        return find(challenger.backbone).title
    except Invalid:
        return known or challenger.backbone


def at_work(project: Project) -> str:
    """The name of the backbone whose features the project learns from, or will."""
    found = FeatureSet.objects.filter(project=project).values_list("backbone", flat=True).first()
    return found or project.backbone


def start(*, project: Project, backbone: str, user: User | None) -> Challenger:
    """Try another backbone beside the one at work; a job computes its features, judges, and lets it serve if it is better.

    A project without labels has nothing to judge by and takes it at once. Raises Invalid for an unknown name, NotReady
    when its weights are not here, and Conflict when it is at work already or another is being tried.
    """
    spec = find(backbone)
    if not spec.available():
        raise NotReady(f"The weights of {spec.title} are not on this server. {spec.how_to_get}", field="backbone")
    if backbone == at_work(project):
        raise Conflict(f"{spec.title} is already at work in this project: choose another backbone.", field="backbone")
    with transaction.atomic():
        _only_one(project)
        note(user=user, action="backbone.tried", project=project, backbone=backbone)
        challenger = Challenger(project=project, backbone=backbone, created_by=user)
        if _has_labels(project):
            challenger.save()
            _send(challenger, user=user)
            return challenger
        challenger.state = Challenger.State.WON
        challenger.note = "There was no label to judge by, so it was taken at once."
        challenger.save()
        project.backbone = backbone
        project.save(update_fields=["backbone"])
        forget_features(project=project)
        _tell(project)
    return challenger


def use(*, challenger: Challenger, user: User) -> Challenger:
    """Let one that has lost, or is undecided, serve all the same: once all its features are there.

    Raises Conflict when it is in another state, at work already, or another is being tried, NotReady when its weights have
    been forgotten since.
    """
    if challenger.state not in (Challenger.State.LOST, Challenger.State.UNDECIDED):
        raise Conflict("Only a backbone that has been judged and does not serve can be used anyway.")
    if challenger.backbone == at_work(challenger.project):
        raise Conflict(f"{title(challenger.backbone)} is already at work in this project.")
    try:
        find(challenger.backbone)
    except Invalid as error:
        raise NotReady("The weights of what has lost are kept for a week, and these have gone: fine-tune again.") from error
    with transaction.atomic():
        _only_one(challenger.project)
        challenger.state = Challenger.State.JUDGED
        challenger.note = f"Used anyway, as {user} wished."
        challenger.save(update_fields=["state", "note"])
        note(user=user, action="backbone.forced", project=challenger.project, backbone=challenger.backbone)
        _send(challenger, user=user)
    return challenger


def cancel(*, challenger: Challenger) -> Challenger:
    """Stop trying it, or stop waiting for more audit labels to judge it by. Raises Conflict when it has ended."""
    if challenger.state in Challenger.OPEN and challenger.job is not None and challenger.job.state in Job.OPEN:
        # The end of the job closes it, at once or at the job's next step.
        progress.cancel_job(job=challenger.job)
    else:
        waits = Challenger.objects.filter(pk=challenger.pk, state__in=(*Challenger.OPEN, Challenger.State.UNDECIDED))
        if not waits.update(state=Challenger.State.CANCELLED):
            raise Conflict("It has ended already, so there is nothing to cancel.")
    challenger.refresh_from_db()
    return challenger


def switch(*, challenger: Challenger) -> bool:
    """Let it serve: from the next turn on the project learns from its features. False when it was called off meanwhile.

    The model that serves now goes on until that turn has made one in the new features; challengers that were judged
    against the old ones are cancelled.
    """
    with transaction.atomic():
        project = Project.objects.select_for_update().get(pk=challenger.project_id)
        mine = Challenger.objects.filter(pk=challenger.pk, state=Challenger.State.JUDGED)
        if not mine.update(state=Challenger.State.WON):
            return False
        before = at_work(project)
        FeatureSet.objects.update_or_create(project=project, defaults={
            "backbone": challenger.backbone, "fingerprint": challenger.fingerprint, "dim": challenger.dim,
        })
        project.backbone = challenger.backbone
        project.save(update_fields=["backbone"])
        waiting = Challenger.objects.filter(project=project, state=Challenger.State.UNDECIDED)
        waiting.update(state=Challenger.State.CANCELLED, note=f"{title(challenger.backbone)} has taken over meanwhile.")
        note(
            user=challenger.created_by, action="backbone.switched", project=project, before=before, after=challenger.backbone
        )
        _tell(project)
    return True


def close(*, job: Job) -> None:
    """A job has ended without a verdict: say why, in a sentence."""
    mine = Challenger.objects.filter(job=job, state__in=Challenger.OPEN)
    if job.state == Job.State.CANCELLED:
        mine.update(state=Challenger.State.CANCELLED, note="It was cancelled.")
    elif job.state == Job.State.FAILED:
        mine.update(state=Challenger.State.FAILED, note=job.error[:300])


def look_again() -> None:
    """Judge the undecided ones anew for which there are enough more audit labels; only the newest of each project."""
    undecided = Challenger.objects.filter(state=Challenger.State.UNDECIDED, project__archived_at=None)
    for challenger in undecided.select_related("project"):
        project = challenger.project
        if Challenger.objects.filter(project=project, pk__gt=challenger.pk).exists():
            continue
        counts = tally.progress(project.pk)
        at = next_look((challenger.comparison or {}) | {"audit_images": counts["audit_images"]})
        if at is None or counts["audit_labelled"] < at:
            continue
        try:
            with transaction.atomic():
                _only_one(project)
                mine = Challenger.objects.filter(pk=challenger.pk, state=Challenger.State.UNDECIDED)
                if mine.update(state=Challenger.State.COMPUTING):
                    _send(challenger, user=challenger.created_by)
        except Conflict:
            log.debug("%s waits: another is being tried", challenger)


def next_look(comparison: dict[str, Any]) -> int | None:
    """At how many audit labels an undecided comparison is made anew: twice as many, or all; None when it had them all."""
    then, images = int(comparison.get("audit_labelled", 0)), int(comparison.get("audit_images", 0))
    return min(max(2 * then, then + MORE_LABELS), images) if images > then else None


def _send(challenger: Challenger, *, user: User | None) -> None:
    challenger.job = progress.start_job(
        project=challenger.project, kind=Job.Kind.CHALLENGE, params={"challenger": challenger.pk}, user=user,
        message=f"Trying {title(challenger.backbone)}",
    )
    challenger.save(update_fields=["job"])


def _only_one(project: Project) -> None:
    # The lock makes two requests at once queue up; the second then finds the first's.
    Project.objects.select_for_update().get(pk=project.pk)
    if Challenger.objects.filter(project=project, state__in=Challenger.OPEN).exists():
        raise Conflict(BUSY, field="backbone")


def _has_labels(project: Project) -> bool:
    if not FeatureSet.objects.filter(project=project).exists():
        return False
    return Standing.objects.filter(project=project, kind=Annotation.Kind.LABEL, is_audit=False).exists()


def _tell(project: Project) -> None:
    transaction.on_commit(partial(switched.send, Challenger, project_id=project.pk))
