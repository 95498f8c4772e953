"""An answer is one more row; the newest holds; a retry adds nothing."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction

from annotator.labelling.annotate import annotate
from annotator.labelling.models import Annotation, Lease, Standing
from annotator.labelling.queue import next_tasks
from annotator.projects.errors import Conflict, Invalid, NotFound
from annotator.projects.models import Label, Project, User
from annotator.projects.setup import archive_label, create_project
from tests.labelling.answers import say
from tests.labelling.rows import make_images

ID = UUID("11111111-2222-3333-4444-555555555555")


def test_an_answer_is_written_and_stands(project: Project, anna: User, cup: Label, glass: Label) -> None:
    [image] = make_images(project, 1)
    annotation, fresh = annotate(
        id=ID, project=project, image=image, author=anna, kind="label", label=cup, client="a", seconds=2.5, guess=glass,
        confidence=0.75, model_version=3, source="api",
    )
    assert fresh
    row = Annotation.objects.get(id=ID)
    assert (row.kind, row.label, row.author, row.source, row.seconds) == ("label", cup, anna, "api", 2.5)
    assert (row.guess, row.confidence, row.model_number) == (glass, 0.75, 3)
    standing = Standing.objects.get(pk=image.pk)
    assert (standing.annotation, standing.kind, standing.label, standing.is_audit) == (annotation, "label", cup, False)


def test_the_same_id_again_adds_nothing(project: Project, anna: User, cup: Label, glass: Label) -> None:
    [image] = make_images(project, 1)
    first, _ = annotate(id=ID, project=project, image=image, author=anna, kind="label", label=cup)
    say(image, anna, glass)
    again, fresh = annotate(id=ID, project=project, image=image, author=anna, kind="label", label=cup)
    assert (again, fresh) == (first, False)
    assert Annotation.objects.count() == 2
    assert Standing.objects.get().label == glass, "the late retry does not win"


def test_the_same_id_again_is_known_even_when_its_class_has_been_archived(project: Project, anna: User, cup: Label) -> None:
    [image] = make_images(project, 1)
    first, _ = annotate(id=ID, project=project, image=image, author=anna, kind="label", label=cup)
    archive_label(label=cup, user=anna)
    assert annotate(id=ID, project=project, image=image, author=anna, kind="label", label=cup) == (first, False)


def test_the_same_id_for_another_image_is_a_conflict(project: Project, anna: User, cup: Label) -> None:
    one, other = make_images(project, 2)
    annotate(id=ID, project=project, image=one, author=anna, kind="label", label=cup)
    with pytest.raises(Conflict) as caught:
        annotate(id=ID, project=project, image=other, author=anna, kind="label", label=cup)
    assert caught.value.field == "id"


def test_the_same_id_in_another_project_tells_nothing_of_it(project: Project, anna: User, cup: Label) -> None:
    [image] = make_images(project, 1)
    annotate(id=ID, project=project, image=image, author=anna, kind="label", label=cup)
    stranger = create_project(owner=User.objects.create_user("eve"), name="Other", classes=["x"])
    [theirs] = make_images(stranger, 1)
    with pytest.raises(Conflict):
        annotate(id=ID, project=stranger, image=theirs, author=None, kind="skip")


def test_the_newest_answer_holds(project: Project, anna: User, ben: User, cup: Label, glass: Label) -> None:
    [image] = make_images(project, 1)
    say(image, anna, cup)
    say(image, ben, "flag")
    newest = say(image, ben, glass)
    assert Standing.objects.get().annotation == newest
    assert Annotation.objects.count() == 3


def test_taking_back_leaves_the_history_and_nothing_standing(project: Project, anna: User, cup: Label) -> None:
    [image] = make_images(project, 1)
    say(image, anna, cup)
    say(image, anna, "clear")
    assert not Standing.objects.exists()
    assert [row.kind for row in Annotation.objects.order_by("seq")] == ["label", "clear"]


def test_an_audit_images_standing_says_so(project: Project, anna: User, cup: Label) -> None:
    [image] = make_images(project, 0, audits=1)
    say(image, anna, cup)
    assert Standing.objects.get().is_audit


def test_an_answer_gives_the_image_back(project: Project, anna: User, ben: User, cup: Label) -> None:
    [image] = make_images(project, 1)
    next_tasks(project=project, user=anna, client="a")
    say(image, ben, cup, client="b")
    assert not Lease.objects.exists()


def test_an_image_that_was_deleted_is_told(project: Project, anna: User, cup: Label) -> None:
    [image] = make_images(project, 1)
    number = image.pk
    image.delete()
    for wrong in (number, 10**30, -1):
        with pytest.raises(NotFound) as caught:
            annotate(id=uuid4(), project=project, image=wrong, author=anna, kind="label", label=cup)
        assert "deleted" in caught.value.message
    assert not Annotation.objects.exists()


def test_an_image_of_another_project_is_not_found(project: Project, anna: User, cup: Label) -> None:
    other = create_project(owner=anna, name="Other")
    [image] = make_images(other, 1)
    with pytest.raises(NotFound):
        annotate(id=uuid4(), project=project, image=image, author=anna, kind="label", label=cup)


@pytest.mark.parametrize("field", ["label", "guess"])
def test_a_class_of_another_project_is_refused(project: Project, anna: User, cup: Label, field: str) -> None:
    [image] = make_images(project, 1)
    foreign = create_project(owner=anna, name="Other", classes=["dog"]).labels.get()
    values = {"label": cup} | {field: foreign}
    with pytest.raises(Invalid) as caught:
        annotate(id=uuid4(), project=project, image=image, author=anna, kind="label", **values)
    assert caught.value.field == field
    assert not Annotation.objects.exists()


def test_an_archived_class_cannot_be_chosen(project: Project, anna: User, cup: Label) -> None:
    [image] = make_images(project, 1)
    archive_label(label=cup, user=anna)
    with pytest.raises(Invalid) as caught:
        say(image, anna, cup)
    assert "archived" in caught.value.message


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("kind", {"kind": "love"}),
        ("label", {"kind": "label", "label": None}),
        ("label", {"kind": "skip"}),
        ("confidence", {"confidence": 1.5}),
        ("confidence", {"confidence": float("nan")}),
        ("seconds", {"seconds": -1.0}),
        ("seconds", {"seconds": float("inf")}),
        ("client", {"client": "x" * 65}),
    ],
)
def test_bad_answers_name_the_field(project: Project, anna: User, cup: Label, field: str, values: dict) -> None:
    [image] = make_images(project, 1)
    with pytest.raises(Invalid) as caught:
        said = {"id": uuid4(), "project": project, "image": image, "author": anna, "kind": "label", "label": cup}
        annotate(**said | values)
    assert caught.value.field == field
    assert not Annotation.objects.exists()


def test_the_database_itself_refuses_a_label_without_a_class(project: Project, anna: User) -> None:
    [image] = make_images(project, 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Annotation.objects.create(project=project, image=image, kind="label", author=anna)


def test_nothing_is_written_when_the_second_half_fails(
    project: Project, anna: User, cup: Label, monkeypatch: pytest.MonkeyPatch
) -> None:
    from annotator.labelling import statements

    [image] = make_images(project, 1)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(statements, "let_stand", killed)
    with pytest.raises(KeyboardInterrupt):
        say(image, anna, cup)
    assert not Annotation.objects.exists()
    assert not Standing.objects.exists()
