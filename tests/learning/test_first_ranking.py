"""Before anybody has labelled anything there is a queue already."""

from __future__ import annotations

from annotator.labelling.models import Candidate
from annotator.learning.learn import learn
from annotator.learning.models import ModelVersion, Ranking
from annotator.projects.models import User
from tests.learning.world import World


def test_images_are_ranked_by_what_they_stand_for(world: World) -> None:
    assert learn(world.project.pk) is None

    queue = Candidate.objects.filter(project=world.project, is_audit=False)
    assert queue.count() == len(world.pool())
    first = queue.select_related("guess").order_by("position")[0]
    assert first.reason == "cold_start"
    assert first.guess is None and first.model_number is None
    assert not ModelVersion.objects.exists()


def test_the_first_three_asked_for_are_of_three_classes(world: World) -> None:
    learn(world.project.pk)

    first = Candidate.objects.filter(project=world.project, is_audit=False).order_by("position")[:3]
    assert len({world.truth[row.image_id] for row in first}) == 3


def test_audit_images_wait_in_their_own_order_and_without_a_guess(world: World) -> None:
    learn(world.project.pk)

    rows = list(Candidate.objects.filter(project=world.project, is_audit=True).order_by("position"))
    assert [row.image_id for row in rows] == [image.pk for image in world.audit()][:50]
    assert all(row.guess_id is None and row.top == [] for row in rows)


def test_a_second_turn_without_news_does_nothing(world: World) -> None:
    learn(world.project.pk)
    made_at = Ranking.objects.get().made_at

    learn(world.project.pk)

    assert Ranking.objects.get().made_at == made_at


def test_a_project_without_features_has_an_empty_queue(owner: User) -> None:
    empty = World(owner)
    empty.add_images(5, featured=False)

    assert learn(empty.project.pk) is None
    assert Candidate.objects.count() == 0


def test_a_single_image_can_be_ranked(owner: User) -> None:
    small = World(owner)
    while not small.pool():
        small.add_images(1)

    learn(small.project.pk)

    assert Candidate.objects.filter(is_audit=False).count() == 1
