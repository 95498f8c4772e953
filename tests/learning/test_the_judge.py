"""Accuracy comes from audit labels alone, with what is not known said too."""

from __future__ import annotations

import numpy as np
import pytest

from annotator.labelling.models import Candidate
from annotator.learning import curve
from annotator.learning.judge import PPI_LABELS, milestone
from annotator.learning.learn import learn
from annotator.learning.models import ModelVersion
from mlcore.evaluation import wilson
from tests.learning.world import World


def test_without_audit_labels_nothing_is_claimed(world: World) -> None:
    world.say_some(12)

    version = learn(world.project.pk)

    assert version is not None
    assert version.accuracy is None and version.audit_count == 0
    assert curve.describe(version)["accuracy"] is None


def test_accuracy_is_that_on_audit_images_with_its_interval(world: World) -> None:
    world.say_some(12)
    audit = world.audit()[:20]
    for image in audit[:-5]:
        world.say(image)
    # Five are said to be something else, so the model, which learnt otherwise, cannot be right.
    for image in audit[-5:]:
        wrong = next(label for label in world.labels if label != world.truth[image.pk])
        world.say(image, wrong)

    version = learn(world.project.pk)

    assert version is not None and version.audit_count == 20
    results = {image: (truth, guess) for image, truth, guess, _ in version.audit_results or []}
    right = sum(truth == guess for truth, guess in results.values())
    assert set(results) == {image.pk for image in audit}
    assert right <= 15
    assert version.accuracy == pytest.approx(right / 20)
    assert (version.accuracy_low, version.accuracy_high) == pytest.approx(wilson(right, 20))


def test_audit_labels_teach_the_model_nothing(world: World) -> None:
    world.say_some(12)
    before = learn(world.project.pk)
    for image in world.audit()[:15]:
        world.say(image)

    after = learn(world.project.pk)

    assert before is not None and after is not None
    assert after.pk == before.pk
    assert after.audit_count == 15
    assert bytes(after.weights or b"") == bytes(before.weights or b"")
    assert after.state == ModelVersion.State.SERVING


def test_audit_images_never_enter_what_is_learnt_from(world: World) -> None:
    from annotator.learning import data

    for image in world.audit()[:15]:
        world.say(image)
    world.say_some(5)
    learn(world.project.pk)

    known = data.warm(world.project)
    assert known is not None
    audit = [image.pk for image in world.audit()]
    assert (known.pool.find(audit) == -1).all()
    assert known.space.fitted_on == len(world.pool())
    assert not Candidate.objects.filter(is_audit=False, image__in=audit).exists()


def test_the_estimate_that_uses_unlabelled_audit_images_comes_with_ten_labels(world: World) -> None:
    world.say_some(12)
    audit = world.audit()
    for image in audit[: PPI_LABELS - 1]:
        world.say(image)
    few = learn(world.project.pk)
    assert few is not None and few.metrics["ppi"] is None

    world.say(audit[PPI_LABELS - 1])
    version = learn(world.project.pk)

    assert version is not None
    ppi = version.metrics["ppi"]
    assert 0 <= ppi["low"] <= ppi["value"] <= ppi["high"] <= 1


def test_a_class_the_model_never_saw_counts_against_it(world: World) -> None:
    learnt = [image for image in world.pool() if world.truth[image.pk] != world.labels[2]][:12]
    for image in learnt:
        world.say(image)
    unseen = [image for image in world.audit() if world.truth[image.pk] == world.labels[2]]
    for image in unseen:
        world.say(image)

    version = learn(world.project.pk)

    assert version is not None and version.accuracy == 0.0


def test_one_version_serves_and_those_before_have_retired(world: World) -> None:
    for _ in range(4):
        world.say_some(1)
        learn(world.project.pk)

    states = list(ModelVersion.objects.order_by("number").values_list("state", flat=True))
    assert states == ["retired"] * 3 + ["serving"]
    assert [v.audit_results is not None for v in ModelVersion.objects.order_by("number")] == [False] * 3 + [True]


def test_a_version_of_a_worker_that_died_before_it_served_is_cleared_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(**_: object) -> None:
        raise SystemExit

    world.say_some(3)
    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr("annotator.learning.learn.serve", die)
        learn(world.project.pk)
    learn(world.project.pk)

    assert list(ModelVersion.objects.values_list("number", "state")) == [(2, "serving")]


def test_weights_are_kept_at_milestones_in_bundles_and_of_the_newest(world: World) -> None:
    for _ in range(12):
        world.say_some(1)
        version = learn(world.project.pk)
        if version is not None and version.label_count == 5:
            ModelVersion.objects.filter(pk=version.pk).update(pinned=True)

    kept = ModelVersion.objects.exclude(weights=None).order_by("number").values_list("label_count", flat=True)
    assert list(kept) == [5, 9, 12]


@pytest.mark.parametrize(("labels", "mark"), [(0, 0), (9, 0), (10, 10), (19, 10), (49, 20), (50, 50), (1234, 1000)])
def test_milestones(labels: int, mark: int) -> None:
    assert milestone(labels) == mark


def test_numbers_that_are_not_finite_do_not_reach_the_database() -> None:
    from annotator.learning.judge import plain

    assert plain({"a": float("nan"), "b": [np.float32(0.5), np.int64(3), float("inf")]}) == {"a": None, "b": [0.5, 3, None]}
