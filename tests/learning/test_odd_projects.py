"""Projects at their edges still get a turn: no class, one class, nothing left to ask, nobody to judge."""

from __future__ import annotations

from annotator.images.models import Image
from annotator.labelling.models import Candidate
from annotator.learning import curve
from annotator.learning.learn import learn
from annotator.learning.models import Ranking
from annotator.projects.models import Label, User
from annotator.projects.setup import archive_label
from tests.learning.world import World


def test_without_a_class_there_is_a_queue_all_the_same(world: World) -> None:
    Label.objects.filter(project=world.project).delete()

    assert learn(world.project.pk) is None
    assert Candidate.objects.filter(is_audit=False).count() == len(world.pool())


def test_with_one_class_the_model_says_always_that(owner: User) -> None:
    world = World(owner, classes=["cup"])
    world.add_images(40)
    world.say_some(3)

    learn(world.project.pk)

    assert set(Candidate.objects.filter(is_audit=False).values_list("guess__name", flat=True)) == {"cup"}


def test_when_all_is_answered_the_queue_is_empty(world: World) -> None:
    for image in world.pool():
        world.say(image)

    version = learn(world.project.pk)

    assert version is not None and version.label_count == len(world.pool())
    assert not Candidate.objects.filter(is_audit=False).exists()
    assert Candidate.objects.filter(is_audit=True).count() == min(50, len(world.audit()))


def test_without_audit_images_there_is_a_model_and_no_judgement(world: World) -> None:
    Image.objects.filter(project=world.project, is_audit=True).delete()
    world.say_some(6)

    version = learn(world.project.pk)

    assert version is not None and version.accuracy is None and version.audit_results == []


def test_when_every_class_is_archived_the_model_falls_silent(world: World) -> None:
    world.say_some(6)
    learn(world.project.pk)
    for label in world.labels:
        archive_label(label=label, user=world.owner)

    assert learn(world.project.pk) is None
    assert not Candidate.objects.exclude(guess=None).exists()
    assert curve.serving(world.project.pk) is None


def test_an_archived_project_is_left_in_peace(world: World) -> None:
    from django.utils import timezone

    world.project.archived_at = timezone.now()
    world.project.save()

    assert learn(world.project.pk) is None
    assert not Ranking.objects.exists()


def test_a_project_can_be_deleted_with_all_that_was_learnt(world: World) -> None:
    world.say_some(6)
    learn(world.project.pk)

    world.project.delete()

    assert not Image.objects.exists() and not Ranking.objects.exists()


def test_an_image_that_shows_nothing_at_all_is_no_trouble(world: World) -> None:
    import numpy as np

    black = world.add_images(1, featured=False)
    world.store.append([black[0].sha256], [np.zeros(48, np.float32)])
    Image.objects.filter(pk=black[0].pk).update(featured=True)
    world.say_some(6)

    assert learn(world.project.pk) is not None
