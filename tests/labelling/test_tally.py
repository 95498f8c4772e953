"""The tally is what counting would give, however rows are written."""

from __future__ import annotations

import random

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from annotator.images.models import Image
from annotator.labelling import tally
from annotator.labelling.models import Annotation, Standing, Tally
from annotator.projects.models import Label, Project, User
from tests.labelling.answers import say
from tests.labelling.rows import make_images


def counted(project: Project) -> dict[str, int]:
    """The same numbers from the rows themselves."""
    images = Image.objects.filter(project=project)
    standing = Standing.objects.filter(project=project)
    kinds = {kind: standing.filter(kind=kind).count() for kind in ("label", "skip", "flag")}
    return {
        "images": images.count(), "audit_images": images.filter(is_audit=True).count(),
        "featured": images.filter(featured=True).count(), "labelled": kinds["label"],
        "audit_labelled": standing.filter(kind="label", is_audit=True).count(), "skipped": kinds["skip"],
        "flagged": kinds["flag"], "unlabelled": images.count() - sum(kinds.values()),
    }


def test_a_new_project_has_a_tally_of_zeros(project: Project) -> None:
    assert set(tally.progress(project.pk).values()) == {0}


def test_an_unknown_project_has_nothing(db: None) -> None:
    assert set(tally.progress(12345).values()) == {0}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_follows_every_way_of_writing(project: Project, anna: User, cup: Label, glass: Label, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    make_images(project, 20, audits=6)

    def somebody_answers() -> None:
        image = dice.choice(list(Image.objects.all()))
        say(image, anna, dice.choice([cup, glass, "skip", "flag", "clear"]))

    def features_come() -> None:
        Image.objects.filter(pk__in=dice.sample(list(Image.objects.values_list("pk", flat=True)), 5)).update(featured=True)

    def features_go() -> None:
        Image.objects.filter(project=project).update(featured=False, feature_error="")

    def an_image_goes() -> None:
        dice.choice(list(Image.objects.all())).delete()

    def images_come() -> None:
        make_images(project, dice.randrange(3), audits=1)

    def standings_go_at_once() -> None:
        Standing.objects.filter(kind="flag").delete()

    def somebody_fails_half_way() -> None:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            somebody_answers()
            images_come()
            raise ZeroDivisionError

    steps = [somebody_answers] * 6 + [
        features_come, features_go, an_image_goes, images_come, standings_go_at_once, somebody_fails_half_way,
    ]
    for _ in range(60):
        dice.choice(steps)()
        assert tally.progress(project.pk) == counted(project)


def test_projects_do_not_mix(project: Project, anna: User, cup: Label) -> None:
    from annotator.projects.setup import create_project

    other = create_project(owner=anna, name="Other", classes=["x"])
    make_images(other, 2)
    mine = make_images(project, 3)
    say(mine[0], anna, cup)
    Image.objects.all().update(featured=True)
    assert tally.progress(project.pk)["featured"] == 3
    assert tally.progress(other.pk) == counted(other)
    assert tally.progress(project.pk) == counted(project)


def test_a_project_can_be_deleted_with_everything(project: Project, anna: User, cup: Label) -> None:
    say(make_images(project, 2)[0], anna, cup)
    Standing.objects.all().delete()
    Annotation.objects.all().delete()
    project.delete()
    assert not Tally.objects.exists()


def test_a_recount_mends_a_tally_that_somebody_damaged(project: Project, anna: User, cup: Label) -> None:
    say(make_images(project, 3, audits=2)[0], anna, cup)
    Tally.objects.update(images=99, labelled=-4)
    tally.recount()
    assert tally.progress(project.pk) == counted(project)
    Tally.objects.all().delete()
    tally.recount()
    assert tally.progress(project.pk) == counted(project)


@pytest.mark.django_db(transaction=True)
def test_triggers_are_put_back_after_a_migration_took_them_away(project: Project, anna: User, cup: Label) -> None:
    with connection.cursor() as cursor:
        for table in tally.COUNTED:
            suffix = "" if connection.vendor == "sqlite" else f" ON {table}"
            cursor.execute(f"DROP TRIGGER tally_{table}_insert{suffix}")
    image, _ = make_images(project, 2)
    assert tally.progress(project.pk)["images"] == 0
    call_command("migrate", verbosity=0)
    assert tally.progress(project.pk) == counted(project)
    make_images(project, 1)
    say(image, anna, cup)
    assert tally.progress(project.pk) == counted(project)


@pytest.mark.django_db(transaction=True)
def test_a_counted_table_can_be_rebuilt_by_a_migration(project: Project) -> None:
    """SQLite refuses to rename a table that a trigger names, unless the triggers are taken away first."""
    from django.db import models

    tally.remove(plan=["something to do"])
    field = models.IntegerField(default=0, null=True)
    field.set_attributes_from_name("skipped")
    with connection.schema_editor() as editor:
        editor.alter_field(Tally, Tally._meta.get_field("skipped"), field)
        editor.alter_field(Tally, field, Tally._meta.get_field("skipped"))
    tally.install()
    make_images(project, 2)
    assert tally.progress(project.pk) == counted(project)
