"""A label commits, and the next turn makes a model of it."""

from __future__ import annotations

import hashlib

import numpy as np
from django.utils import timezone

from annotator.labelling.models import Candidate, Lease
from annotator.learning.fit import head_of
from annotator.learning.learn import learn
from annotator.learning.models import ModelVersion
from annotator.projects.setup import archive_label, update_label
from tests.learning.world import World


def test_the_model_guesses_what_is_left(world: World) -> None:
    world.say_some(15)

    version = learn(world.project.pk)

    assert version is not None and version.state == ModelVersion.State.SERVING
    rows = Candidate.objects.filter(project=world.project, is_audit=False)
    right = [row.guess_id == world.truth[row.image_id].pk for row in rows]
    assert np.mean(right) > 0.9
    one = rows.order_by("position").first()
    assert one is not None and one.model_number == version.number
    assert one.top[0] == [one.guess_id, one.confidence]


def test_one_label_is_enough_for_a_model(world: World) -> None:
    world.say_some(1)

    version = learn(world.project.pk)

    assert version is not None and version.label_count == 1


def test_answered_skipped_and_flagged_images_leave_the_queue(world: World) -> None:
    labelled, skipped, flagged = world.pool()[:3]
    world.say(labelled)
    world.say(skipped, kind="skip")
    world.say(flagged, kind="flag")

    learn(world.project.pk)

    queued = set(Candidate.objects.values_list("image_id", flat=True))
    assert queued.isdisjoint({labelled.pk, skipped.pk, flagged.pk})


def test_an_image_in_front_of_somebody_is_not_ranked_for_others(world: World) -> None:
    held = world.pool()[0]
    until = timezone.now() + timezone.timedelta(minutes=3)
    Lease.objects.create(image=held, project=world.project, user=world.owner, client="a", expires_at=until)

    learn(world.project.pk)

    assert not Candidate.objects.filter(image=held).exists()


def test_taking_an_answer_back_makes_the_image_ask_again(world: World) -> None:
    image = world.pool()[0]
    world.say(image)
    learn(world.project.pk)
    world.say(image, kind="clear")

    learn(world.project.pk)

    assert Candidate.objects.filter(image=image).exists()


def test_a_version_says_exactly_what_it_saw(world: World) -> None:
    images = world.say_some(6)

    version = learn(world.project.pk)

    pairs = sorted((image.pk, world.truth[image.pk].pk) for image in images)
    assert version is not None
    assert version.annotations_hash == hashlib.sha256(np.asarray(pairs, "<i8").tobytes()).hexdigest()
    assert [entry["name"] for entry in version.classes] == ["cup", "glass", "plate"]
    assert version.label_count == 6
    assert set(version.timings) >= {"load", "fit", "calibrate", "score", "choose", "judge", "write", "total"}


def test_a_class_added_later_works_from_its_first_label(world: World) -> None:
    world.say_some(12)
    learn(world.project.pk)
    bowl = world.add_class("bowl")
    bowls = [image for image in world.add_images(40) if world.truth[image.pk] == bowl]
    world.say(next(image for image in bowls if not image.is_audit))

    learn(world.project.pk)

    guesses = Candidate.objects.filter(image__in=bowls, is_audit=False).values_list("guess", flat=True)
    assert np.mean([guess == bowl.pk for guess in guesses]) > 0.6


def test_an_archived_class_leaves_the_model(world: World) -> None:
    said = world.say_some(30)
    learn(world.project.pk)
    archive_label(label=world.labels[0], user=world.owner)

    version = learn(world.project.pk)

    assert version is not None
    assert [entry["name"] for entry in version.classes] == ["glass", "plate"]
    assert version.label_count == sum(world.truth[image.pk] != world.labels[0] for image in said)
    assert not Candidate.objects.filter(guess=world.labels[0]).exists()


def test_a_renamed_class_is_renamed_in_the_next_version(world: World) -> None:
    world.say_some(6)
    before = learn(world.project.pk)
    update_label(label=world.labels[0], user=world.owner, name="mug")

    after = learn(world.project.pk)

    assert before is not None and after is not None
    assert after.number == before.number + 1
    assert after.classes[0]["name"] == "mug" and before.classes[0]["name"] == "cup"


def test_the_stored_weights_are_the_model(world: World) -> None:
    world.say_some(12)
    version = learn(world.project.pk)
    assert version is not None
    row = Candidate.objects.filter(is_audit=False).order_by("position").first()
    assert row is not None

    from annotator.learning import data

    known = data.warm(world.project)
    assert known is not None
    z = known.pool.z[known.pool.find([row.image_id])]
    again = head_of(ModelVersion.objects.get(pk=version.pk)).predict_proba(z)[0]
    assert abs(float(again.max()) - (row.confidence or 0.0)) < 1e-3
