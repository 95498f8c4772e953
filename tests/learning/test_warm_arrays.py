"""A worker keeps a project's arrays between turns and reads only what has changed."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotator.images.models import Image
from annotator.labelling.models import Candidate
from annotator.learning import data
from annotator.learning.data import Warm
from annotator.learning.embed import waiting
from annotator.learning.learn import learn
from annotator.learning.models import FeatureSpace, ModelVersion
from tests.learning.world import World


def warm(world: World) -> Warm:
    known = data.warm(world.project)
    assert known is not None
    return known


def same_as_cold(world: World) -> bool:
    """Whether the warm arrays are what a fresh worker would read, apart from their order."""
    before = warm(world)
    rows = {int(i): z for part in (before.pool, before.audit) for i, z in zip(part.ids, part.z.copy(), strict=True)}
    audit = set(before.audit.ids.tolist())
    world.restart_worker()
    after = warm(world)
    fresh = {int(i): z for part in (after.pool, after.audit) for i, z in zip(part.ids, part.z, strict=True)}
    return (
        rows.keys() == fresh.keys()
        and audit == set(after.audit.ids.tolist())
        and all(np.allclose(rows[key], fresh[key], atol=1e-6) for key in rows)
    )


def test_an_image_that_arrives_is_added(world: World) -> None:
    before = len(warm(world))
    world.add_images(7)

    assert len(warm(world)) == before + 7
    assert same_as_cold(world)


def test_nothing_is_read_again_when_nothing_has_changed(world: World) -> None:
    z = warm(world).pool.z
    with CaptureQueriesContext(connection, ) as queries:
        assert warm(world).pool.z is z
    assert not any("sha256" in query["sql"] for query in queries)


def test_a_deleted_image_vanishes(world: World) -> None:
    world.say_some(5)
    learn(world.project.pk)
    gone = world.pool()[-1]
    Image.objects.filter(pk=gone.pk).delete()

    learn(world.project.pk)

    assert warm(world).pool.find([gone.pk]).tolist() == [-1]
    assert not Candidate.objects.filter(image_id=gone.pk).exists()
    assert same_as_cold(world)


def test_features_that_come_out_of_order_are_found(world: World) -> None:
    late = world.add_images(4, featured=False)
    world.add_images(4)
    warm(world)
    world.feature(late)

    assert (warm(world).pool.find([i.pk for i in late if not i.is_audit]) >= 0).all()
    assert same_as_cold(world)


def test_one_image_gone_and_another_come_at_the_same_time_are_both_seen(world: World) -> None:
    late = world.add_images(1, featured=False)
    world.add_images(1)
    warm(world)
    Image.objects.filter(pk=world.pool()[0].pk).delete()
    world.feature(late)
    world.add_images(1, featured=False)

    assert same_as_cold(world)


def test_the_projection_is_fitted_anew_when_the_pool_has_doubled(world: World) -> None:
    world.say_some(9)
    first = learn(world.project.pk)
    world.add_images(100)
    second = learn(world.project.pk)
    world.add_images(150)
    third = learn(world.project.pk)

    assert first is not None and second is not None and third is not None
    # A model is one of its space: the same labels in a new space make a new version.
    assert second.space_id == first.space_id
    assert third.space_id != first.space_id and third.number == first.number + 1
    assert third.space.fitted_on == len(world.pool())
    assert same_as_cold(world)


def test_spaces_in_which_no_model_lives_are_dropped(world: World) -> None:
    for count in (200, 400, 800):
        world.add_images(count)
        learn(world.project.pk)

    assert FeatureSpace.objects.filter(project=world.project).count() == 1


def test_a_space_fitted_by_another_worker_is_taken_over(world: World) -> None:
    known = warm(world)
    theirs = FeatureSpace.objects.create(
        project=world.project, number=known.space.number + 1, backbone="lite0", fingerprint=world.fingerprint,
        fitted_on=known.space.fitted_on, weights=known.space.weights,
    )

    assert warm(world).space == theirs


def test_images_whose_features_have_gone_are_computed_again(world: World) -> None:
    world.restart_worker()
    lost = world.add_images(3, featured=False)
    Image.objects.filter(pk__in=[image.pk for image in lost]).update(featured=True)

    known = warm(world)

    assert len(known) == 200
    assert set(waiting(world.project.pk)) == set(lost)


def test_a_store_that_has_gone_altogether_is_filled_again(world: World) -> None:
    from shutil import rmtree

    rmtree(world.store.folder)

    assert data.warm(world.project) is None
    assert waiting(world.project.pk).count() == 200


def test_projects_that_were_not_used_lately_are_dropped_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    other = World(world.owner)
    other.add_images(50)
    warm(world)
    monkeypatch.setattr(data, "WARM_BYTES", 1)

    kept = warm(other)

    assert warm(other) is kept
    assert world.project.pk not in data._warm


def test_agreement_with_the_model_before_is_told_after_some_labels(world: World) -> None:
    world.say_some(12)
    learn(world.project.pk)
    world.say_some(10)
    version = learn(world.project.pk)

    assert version is not None and 0.5 < version.metrics["kappa"] <= 1.0
    assert ModelVersion.objects.get(number=1).metrics["kappa"] is None


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite says how it will answer")
def test_which_images_have_features_is_read_from_an_index_alone(world: World) -> None:
    featured = Image.objects.filter(project=world.project, featured=True)

    assert "COVERING INDEX images_with_features" in featured.values_list("id").explain()
