"""Images that look alike are grouped as they come, and the groups whose labels differ come first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from annotator.images.models import Image
from annotator.learning import data, similar, twins
from annotator.learning.learn import learn
from annotator.learning.models import Twin, TwinSearch
from annotator.learning.twins_search import search
from annotator.projects.models import User
from tests.learning.world import World


class WorldWithTwins(World):
    """Each image that `copies` names is nearly the same picture as another."""

    def __init__(self, owner: User, *, spread: float) -> None:
        super().__init__(owner, spread=spread)
        self.copies: dict[int, Image] = {}

    def vector(self, image: Image) -> np.ndarray:
        """As its original, with a little noise."""
        original = self.copies.get(image.pk)
        if original is None:
            return super().vector(image)
        return super().vector(original) + np.random.default_rng(image.pk).uniform(0, 0.03, 48).astype(np.float32)

    def copy(self, original: Image, count: int = 1) -> list[Image]:
        """So many images that look like the original; they get their features."""
        images = self.add_images(count, featured=False)
        for image in images:
            self.copies[image.pk] = original
        self.feature(images)
        return images


@pytest.fixture
def lookalikes(owner: User) -> Iterator[WorldWithTwins]:
    """Sixty images in clouds so wide that no two are near duplicates by chance."""
    made = WorldWithTwins(owner, spread=3.0)
    made.add_images(60)
    yield made
    data.forget()


def look(world: World, *, in_memory: bool = True) -> set[frozenset[int]]:
    """The groups after a search."""
    learn(world.project.pk)
    search(world.project.pk, in_memory=in_memory)
    found: dict[int, set[int]] = {}
    for image, number in Twin.objects.filter(project=world.project).values_list("image_id", "number"):
        found.setdefault(number, set()).add(image)
    assert all(number == min(group) for number, group in found.items())
    return {frozenset(group) for group in found.values()}


def ids(*images: Image) -> frozenset[int]:
    return frozenset(image.pk for image in images)


@pytest.mark.parametrize("in_memory", [True, False], ids=["with the warm arrays", "with arrays of its own"])
def test_copies_are_grouped_with_their_original(lookalikes: WorldWithTwins, in_memory: bool) -> None:
    first, second = lookalikes.pool()[:2]
    one, other = lookalikes.copy(first, 2), lookalikes.copy(second)

    assert look(lookalikes, in_memory=in_memory) == {ids(first, *one), ids(second, *other)}


def test_what_comes_later_joins_the_group(lookalikes: WorldWithTwins) -> None:
    first = lookalikes.pool()[0]
    one = lookalikes.copy(first)
    look(lookalikes)
    number = TwinSearch.objects.get().space
    more = lookalikes.copy(first)

    assert look(lookalikes) == {ids(first, *one, *more)}
    assert TwinSearch.objects.get().space == number


def test_a_second_search_finds_nothing_to_do(lookalikes: WorldWithTwins) -> None:
    lookalikes.copy(lookalikes.pool()[0])
    learn(lookalikes.project.pk)
    assert twins.work_left(lookalikes.project) > 0
    search(lookalikes.project.pk, in_memory=True)

    assert twins.work_left(lookalikes.project) == 0


def test_features_that_came_late_are_looked_at_too(lookalikes: WorldWithTwins) -> None:
    first = lookalikes.pool()[0]
    [late] = lookalikes.add_images(1, featured=False)
    lookalikes.copies[late.pk] = first
    lookalikes.copy(lookalikes.pool()[1])
    look(lookalikes)
    lookalikes.feature([late])

    assert ids(first, late) in look(lookalikes)


def test_a_deleted_image_leaves_its_group(lookalikes: WorldWithTwins) -> None:
    first = lookalikes.pool()[0]
    one, two = lookalikes.copy(first, 2)
    look(lookalikes)
    Image.objects.filter(pk=one.pk).delete()

    assert look(lookalikes) == {ids(first, two)}
    Image.objects.filter(pk=two.pk).delete()
    assert twins.groups(lookalikes.project, start=0, limit=10) == ([], 0, 0)


def test_groups_whose_labels_differ_come_first(lookalikes: WorldWithTwins) -> None:
    first, second, third = lookalikes.pool()[:3]
    cup, glass, _ = lookalikes.labels
    agreed, [odd], large = lookalikes.copy(first), lookalikes.copy(second), lookalikes.copy(third, 4)
    for image in (first, *agreed):
        lookalikes.say(image, cup)
    lookalikes.say(second, cup)
    lookalikes.say(odd, glass)
    look(lookalikes)

    found, total, differ = twins.groups(lookalikes.project, start=0, limit=10)

    assert (total, differ) == (3, 1)
    assert [set(group.images) for group in found] == [ids(second, odd), ids(third, *large), ids(first, *agreed)]
    assert [group.differ for group in found] == [True, False, False]
    assert found[0].cosine >= 0.9
    assert twins.groups(lookalikes.project, start=2, limit=10)[0] == found[2:]


def test_of_a_large_group_some_are_listed(lookalikes: WorldWithTwins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twins, "MOST_IN_GROUP", 3)
    first = lookalikes.pool()[0]
    lookalikes.copy(first, 5)
    look(lookalikes)

    [group] = twins.groups(lookalikes.project, start=0, limit=10)[0]

    assert (len(group.images), group.count) == (3, 6)


def test_the_most_alike_come_first_and_say_how_alike(lookalikes: WorldWithTwins) -> None:
    first = lookalikes.pool()[0]
    [copy] = lookalikes.copy(first)

    found = similar.answer(lookalikes.project.pk, first.pk, 5)

    assert found is not None and len(found) == 5
    assert (found[0][0], found[0][2]) == (copy.pk, "duplicate")
    assert [cosine for _, cosine, _ in found] == sorted((cosine for _, cosine, _ in found), reverse=True)
    assert first.pk not in {image for image, _, _ in found}
    assert found[4][1] < 0.8 and found[4][2] == ""


def test_an_image_without_features_has_no_answer(lookalikes: WorldWithTwins) -> None:
    [blank] = lookalikes.add_images(1, featured=False)

    assert similar.answer(lookalikes.project.pk, blank.pk, 5) is None
    assert similar.answer(999_999, blank.pk, 5) is None
