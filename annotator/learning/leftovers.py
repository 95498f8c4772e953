"""What was tried and did not stay leaves weights, networks and features behind: they go after a week without use."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from annotator.jobs import bus
from annotator.learning.finetune_run import forget_others
from annotator.learning.models import Challenger, FeatureSet, FeatureSpace, ModelVersion
from annotator.projects.models import Project

log = logging.getLogger(__name__)

# For so long a loser can still be used all the same, and what was there before the one before can be gone back to.
KEEP = timedelta(days=7)
LOOK_SECONDS = 3600
# Letters of the name of a fine-tuned backbone, with which the names of its network's files begin.
TUNED_NAME = len("tuned-0123456789ab")
# Lies in a folder since it was first seen to be of no use.
MARK = "unused"


@dataclass
class _Needed:
    """Names of backbones whose weights are needed, and of those whose features are; fingerprints of features."""

    weights: set[str] = field(default_factory=set)
    features: set[str] = field(default_factory=set)
    fingerprints: set[str] = field(default_factory=set)


def clear() -> None:
    """Look for what may go, once an hour at most."""
    if bus.raise_flag("leftovers", seconds=LOOK_SECONDS):
        forget(now=timezone.now())


def forget(*, now: datetime) -> list[str]:
    """Mark what nobody needs, delete what was marked KEEP ago, and answer the names of what went.

    Needed are the backbone at work and the one before it in each project, those being tried or waiting for audit labels,
    and the weights of those that bundles were made of. What is needed again loses its mark.
    """
    forget_others()
    needed = _needed()
    root = settings.DATA_DIR
    gone = []
    for folder in _folders(root / "tuned", "tuned-*"):
        if _is_over(folder, needed=folder.name in needed.weights, now=now):
            gone.append(_delete(folder))
    for folder in _folders(root / "features", "*"):
        if _is_over(folder, needed=folder.name in needed.fingerprints or _backbone(folder) in needed.features, now=now):
            gone.append(_delete(folder))
    for network in (root / "ir").glob("tuned-*"):
        # It and what is known of it are made again from the weights, so they live as long as those.
        if not (root / "tuned" / network.name[:TUNED_NAME]).exists():
            network.unlink(missing_ok=True)
    return gone


def _needed() -> _Needed:
    found = _Needed()
    for project in Project.objects.all():
        at_work = FeatureSet.objects.filter(project=project).first()
        spaces = FeatureSpace.objects.filter(project=project).order_by("-number")
        before = spaces.exclude(fingerprint=at_work.fingerprint if at_work else "").first()
        for one in (at_work, before):
            if one is not None:
                found.weights.add(one.backbone)
                found.fingerprints.add(one.fingerprint)
        newest = Challenger.objects.filter(project=project).first()
        # Of those that wait for audit labels only the newest is looked at again.
        waits = newest is not None and newest.state in (*Challenger.OPEN, Challenger.State.UNDECIDED)
        tried = {project.backbone, *([newest.backbone] if newest is not None and waits else [])}
        rivals = Challenger.objects.filter(project=project, state__in=Challenger.OPEN)
        tried |= set(rivals.values_list("backbone", flat=True))
        found.weights |= tried
        found.features |= tried
    found.weights |= set(ModelVersion.objects.filter(pinned=True).values_list("space__backbone", flat=True))
    return found


def _is_over(folder: Path, *, needed: bool, now: datetime) -> bool:
    """Whether a folder has been of no use for KEEP; one that has just become useless is marked."""
    mark = folder / MARK
    if needed:
        mark.unlink(missing_ok=True)
        return False
    if not mark.exists():
        mark.touch()
        return False
    # What somebody goes on writing is of use, whoever it is.
    return all(path.stat().st_mtime < (now - KEEP).timestamp() for path in folder.iterdir())


def _delete(folder: Path) -> str:
    log.info("%s was of no use for %d days: deleted", folder.name, KEEP.days)
    shutil.rmtree(folder, ignore_errors=True)
    return folder.name


def _folders(root: Path, pattern: str) -> list[Path]:
    return sorted(path for path in root.glob(pattern) if path.is_dir())


def _backbone(path: Path) -> str:
    """The name of the backbone in a fingerprint: `tuned-0123456789ab-f32-ba9876543210` gives `tuned-0123456789ab`."""
    return path.name.rsplit("-", 2)[0]
