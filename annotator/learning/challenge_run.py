"""The job of a challenger: its features beside those at work, one comparison on audit labels, and the rest if it won."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from annotator.images.models import Image
from annotator.jobs.progress import Cancelled, Running
from annotator.labelling import tally
from annotator.labelling.models import Annotation, Standing
from annotator.learning import challenge, embed
from annotator.learning.models import Challenger, FeatureSet
from annotator.projects.errors import Invalid, NotReady
from annotator.projects.models import Project
from mlcore.compare import ALPHA, Comparison, Material, answers, compare
from mlcore.device import pick
from mlcore.store import FeatureStore
from mlcore.types import Ints

if TYPE_CHECKING:
    from mlcore.backbones import Extractor

# Images: id and SHA-256.
Pairs = Sequence[tuple[int, str]]
# Images of the pool, drawn at random, that the projections of both are fitted on, and that heads may look at.
SAMPLE = 4000
# Images looked up at a time.
CHUNK = 2000
# Pictures at a time and rounds when the two backbones are timed, in turns.
TIMED, ROUNDS = 8, 7


def run_challenge(run: Running) -> None:
    """Compute what it is judged by, judge it, and where it is better (or forced) compute the rest and switch.

    The features are kept by content, so a worker that takes over goes on where the last one stopped. Raises Cancelled,
    NotReady when the weights are not on this machine, NoSpace when the disk is full.
    """
    found = Challenger.objects.select_related("project", "created_by").filter(job=run.job, state__in=Challenger.OPEN)
    challenger = found.first()
    if challenger is None:
        raise Cancelled
    side = _Side(run, challenger)
    if challenger.state == Challenger.State.COMPUTING:
        wanted = _judged_by(challenger.project)
        side.compute(_chunks(wanted), len(wanted), "Computing features of the images it is judged by")
        run.step(len(wanted), len(wanted), "Comparing the two", now=True)
        _record(challenger, _judge(challenger, side))
        run.log(challenger.note)
    if challenger.state == Challenger.State.JUDGED:
        total = Image.objects.filter(project=challenger.project_id).count()
        side.compute(_all_images(challenger.project), total, "Computing the features of all images")
        if not challenge.switch(challenger=challenger):
            raise Cancelled
        run.log("It serves from now on.")


class _Side:
    """The challenger's features, filled in beside the job's progress."""

    def __init__(self, run: Running, challenger: Challenger) -> None:
        self.run = run
        self.extractor: Extractor = embed.ready_extractor(challenger.backbone, challenger.fingerprint)
        challenger.fingerprint, challenger.dim = self.extractor.fingerprint, self.extractor.dim
        challenger.save(update_fields=["fingerprint", "dim"])
        self.store = FeatureStore(settings.DATA_DIR / "features", challenger.fingerprint, challenger.dim)
        run.log(f"Features by {challenger.fingerprint}.")

    def compute(self, images: Iterator[Pairs], total: int, message: str) -> None:
        """Bring features of these images into the store; what cannot be read is told and left out."""
        seen = 0
        self.run.step(seen, total, message, now=True)
        for chunk in images:
            self.store.refresh()
            rows = self.store.rows([key for _, key in chunk])
            missing = [image for (image, _), row in zip(chunk, rows, strict=True) if row < 0]
            seen += len(chunk) - len(missing)
            for start in range(0, len(missing), embed.BATCH):
                self.run.stop_if_cancelled()
                batch = list(Image.objects.filter(pk__in=missing[start : start + embed.BATCH]))
                vectors, problems = embed.compute(batch, self.extractor)
                if vectors:
                    with embed.disk():
                        self.store.append(list(vectors), list(vectors.values()))
                for problem in problems.values():
                    self.run.log(problem)
                seen += len(batch)
                self.run.step(seen, max(seen, total), message)


def _judged_by(project: Project) -> Pairs:
    """Every labelled image, audit images included, and a sample of the pool."""
    labelled = Standing.objects.filter(project=project, kind=Annotation.Kind.LABEL)
    wanted = dict(labelled.values_list("image_id", "image__sha256"))
    wanted |= dict(_sample(project).values_list("id", "sha256"))
    return list(wanted.items())


def _chunks(pairs: Pairs) -> Iterator[Pairs]:
    for start in range(0, len(pairs), CHUNK):
        yield pairs[start : start + CHUNK]


def _all_images(project: Project) -> Iterator[Pairs]:
    """Every image, in order of arrival: those that arrive meanwhile come last."""
    last = 0
    images = Image.objects.filter(project=project, feature_error="").order_by("pk")
    while chunk := list(images.filter(pk__gt=last).values_list("id", "sha256")[:CHUNK]):
        yield chunk
        last = chunk[-1][0]


def _sample(project: Project) -> Any:
    return Image.objects.filter(project=project, is_audit=False, feature_error="").order_by("sort_key")[:SAMPLE]


def _judge(challenger: Challenger, side: _Side) -> dict[str, Any]:
    """Both on the same labels, each with a projection and a head of its own, judged by the same audit images."""
    project = challenger.project
    feature_set = FeatureSet.objects.filter(project=project).first()
    if feature_set is None:
        raise NotReady("There is nothing to compare with: wait until the images have their features, then try again.")
    stores = embed.open_store(feature_set), side.store
    classes = list(project.labels.filter(archived_at=None).order_by("id").values_list("id", flat=True))
    standing = Standing.objects.filter(project=project, kind=Annotation.Kind.LABEL, label__in=classes)
    said = list(standing.order_by("image_id").values_list("image__sha256", "label_id", "is_audit"))
    keys = [key for key, _, _ in said]
    known = set(keys)
    sample = list(_sample(project).values_list("sha256", flat=True))
    truth = np.asarray([classes.index(label or 0) for _, label, _ in said], np.int64)
    audit = np.asarray([is_audit for _, _, is_audit in said], np.bool_)
    others = np.asarray([key not in known for key in sample], np.bool_)

    # An image counts only where both have its features.
    said_rows, sample_rows = [store.rows(keys) for store in stores], [store.rows(sample) for store in stores]
    both = np.all([rows >= 0 for rows in said_rows], axis=0)
    fits = np.all([rows >= 0 for rows in sample_rows], axis=0)
    teach, judge = both & ~audit, both & audit
    right: list[Any] = [np.zeros(0, np.bool_)] * 2
    if teach.any() and judge.any() and fits.any():
        for place, store in enumerate(stores):
            material = Material(
                fit=store.gather(sample_rows[place][fits]), labelled=store.gather(said_rows[place][teach]),
                others=store.gather(sample_rows[place][fits & others]), audit=store.gather(said_rows[place][judge]),
            )
            guessed: Ints = answers(
                material, labels=truth[teach], n_classes=len(classes), head=project.head, seed=project.pk
            )
            right[place] = guessed == truth[judge]
    # Who looks often enough will see something: each further look may err half as often as the one before.
    found = compare(*right, alpha=ALPHA / 2**challenger.looks)
    counts = tally.progress(project.pk)
    facts = {"labels": int(teach.sum()), "audit_labelled": counts["audit_labelled"], "audit_images": counts["audit_images"]}
    return _described(found, challenger, feature_set, side) | facts


def _described(found: Comparison, challenger: Challenger, feature_set: FeatureSet, side: _Side) -> dict[str, Any]:
    extractors = [side.extractor]
    try:
        extractors.append(embed.ready_extractor(feature_set.backbone, feature_set.fingerprint))
    except NotReady as problem:
        # Its features are all that is needed; how fast it would be is not known.
        side.run.log(problem.message)
    times = dict(zip(("new", "old"), _milliseconds(extractors), strict=False))
    row = found.as_dict()
    for name, backbone in (("old", feature_set.backbone), ("new", challenger.backbone)):
        row[name] = {
            "backbone": backbone, "title": challenge.title(backbone), "accuracy": row[name], "ms": times.get(name),
            "bytes": _weight(backbone),
        }
    return row | {"judged_at": timezone.now().isoformat()}


def _record(challenger: Challenger, comparison: dict[str, Any]) -> None:
    """Write the verdict down, unless somebody has called it off meanwhile."""
    state = {
        "won": Challenger.State.JUDGED, "lost": Challenger.State.LOST, "undecided": Challenger.State.UNDECIDED,
    }[comparison["verdict"]]
    said = sentence(comparison)
    mine = Challenger.objects.filter(pk=challenger.pk, state=Challenger.State.COMPUTING)
    if not mine.update(state=state, comparison=comparison, looks=F("looks") + 1, note=said):
        raise Cancelled
    challenger.refresh_from_db(fields=["state", "comparison", "looks", "note"])


def sentence(comparison: dict[str, Any]) -> str:
    """What a comparison says, for people."""
    n, needed = comparison["n"], comparison["needed"]
    images = "1 audit image" if n == 1 else f"{n} audit images"
    if comparison["verdict"] == "won":
        return f"Significantly better on {images}."
    if comparison["verdict"] == "lost":
        return f"Not better on {images}, so the one at work stays."
    if not n:
        return "No audit image is labelled yet: label some, and it is judged."
    at = challenge.next_look(comparison)
    again = f"It is judged again at {at}." if at else "All audit images are labelled, so only more images can tell."
    if needed is None:
        return f"Not ahead on {images}, which are too few to be sure. {again}"
    return f"Ahead on {images}, which may be chance: about {needed} would probably tell. {again}"


def _milliseconds(extractors: list[Extractor]) -> list[float]:
    """Milliseconds an image that each network alone takes on one core, at its quickest: other work only ever adds."""
    # Of a processor, the time that is spent and not the time that passes, for its cores are shared.
    clock = time.process_time if pick(settings.DEVICE).openvino_device == "CPU" else time.perf_counter
    pixels = [np.zeros((TIMED, e.backbone.input_size, e.backbone.input_size, 3), np.uint8) for e in extractors]
    quickest = [np.inf] * len(extractors)
    for _ in range(ROUNDS):
        for place, extractor in enumerate(extractors):
            started = clock()
            extractor.embed(pixels[place])
            quickest[place] = min(quickest[place], clock() - started)
    return [round(1000 * seconds / TIMED, 2) for seconds in quickest]


def _weight(backbone: str) -> int | None:
    """Bytes of the file of weights."""
    try:
        path = challenge.find(backbone).find_weights()
    except Invalid:
        return None
    return path.stat().st_size if path else None
