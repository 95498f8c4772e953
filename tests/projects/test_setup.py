"""Projects and classes: what may be set, what is filled in, what is refused."""

from __future__ import annotations

import pytest

from annotator.projects.errors import Conflict, Invalid
from annotator.projects.models import AuditEntry, Label, Membership, Project, User
from annotator.projects.setup import (
    PALETTE,
    RESERVED_KEYS,
    add_label,
    archive_label,
    archive_project,
    create_project,
    labels_named,
    update_label,
    update_project,
)


@pytest.fixture
def olga(db: None) -> User:
    return User.objects.create_user("olga")


@pytest.fixture
def project(olga: User) -> Project:
    return create_project(owner=olga, name="Cups", classes=["cup", {"name": "glass", "color": "#FF0000", "key": "G"}])


def keys(project: Project) -> list[str]:
    return list(project.labels.values_list("key", flat=True))


def test_its_maker_owns_it(project: Project, olga: User) -> None:
    assert Membership.objects.get(project=project).role == "owner"
    assert project.created_by == olga
    assert AuditEntry.objects.get().action == "project.created"


def test_classes_get_colours_and_keys_unless_they_bring_them(project: Project) -> None:
    cup, glass = project.labels.all()
    assert (cup.color, cup.key, cup.position) == (PALETTE[0], "1", 1)
    assert (glass.color, glass.key, glass.position) == ("#ff0000", "g", 2)


def test_twelve_classes_get_twelve_keys_and_colours(olga: User) -> None:
    project = create_project(owner=olga, name="Many", classes=[f"class {number}" for number in range(12)])
    assert keys(project) == [*"1234567890", "q", "w"]
    assert len({label.color for label in project.labels.all()}) == 12
    assert not RESERVED_KEYS & set(keys(project))


def test_a_class_of_one_sign_is_its_own_key(olga: User) -> None:
    project = create_project(owner=olga, name="Signs", classes=["a", "7", "b", "long", "s", "7x", "1"])
    assert keys(project) == ["a", "7", "b", "1", "2", "3", "4"], "s is taken by the page; 1 was given away"


def test_when_keys_run_out_a_class_has_none(olga: User) -> None:
    project = create_project(owner=olga, name="Many", classes=[f"class {number}" for number in range(40)])
    assert keys(project)[-1] == ""
    assert len(set(keys(project)) - {""}) == len([key for key in keys(project) if key])


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "x" * 121}),
        ("name", {"name": "\x00\x01"}),
        ("guidelines", {"guidelines": "x" * 50_001}),
        ("audit_fraction", {"audit_fraction": 0.9}),
        ("audit_fraction", {"audit_fraction": 0.0}),
        ("audit_every", {"audit_every": 1}),
        ("backbone", {"backbone": "vgg"}),
        ("strategy", {"strategy": "entropy; drop table"}),
        ("head", {"head": ""}),
        ("owner_id", {"owner_id": 5}),
        ("name", {"classes": [""]}),
        ("name", {"classes": ["cup", "CUP"]}),
        ("name", {"classes": ["x" * 81]}),
        ("color", {"classes": [{"name": "cup", "color": "red"}]}),
        ("color", {"classes": [{"name": "cup", "color": "#12345"}]}),
        ("key", {"classes": [{"name": "cup", "key": "ab"}]}),
        ("key", {"classes": [{"name": "cup", "key": "s"}]}),
        ("key", {"classes": [{"name": "cup", "key": "\n"}]}),
        ("key", {"classes": [{"name": "cup", "key": "x"}, {"name": "glass", "key": "x"}]}),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_leaves_nothing(olga: User, field: str, values: dict) -> None:
    with pytest.raises((Invalid, Conflict)) as caught:
        create_project(**{"owner": olga, "name": "Cups"} | values)
    assert caught.value.field == field
    assert caught.value.message.endswith(".")
    assert not Project.objects.exists()
    assert not Label.objects.exists()


def test_changes_are_checked_like_beginnings(project: Project, olga: User) -> None:
    update_project(project=project, user=olga, name="Mugs", guidelines="*Look*", strategy="margin")
    project.refresh_from_db()
    assert (project.name, project.guidelines, project.strategy) == ("Mugs", "*Look*", "margin")
    with pytest.raises(Invalid):
        update_project(project=project, user=olga, created_by=olga)


def test_a_class_is_renamed_and_moved(project: Project, olga: User) -> None:
    cup = project.labels.get(name="cup")
    update_label(label=cup, user=olga, name="mug", color="#00ff00", key="m", position=9)
    assert [label.name for label in project.labels.all()] == ["glass", "mug"]
    with pytest.raises(Conflict):
        update_label(label=cup, user=olga, name="GLASS")


def test_an_archived_class_frees_its_name_and_key(project: Project, olga: User) -> None:
    cup = project.labels.get(name="cup")
    archive_label(label=cup, user=olga)
    fresh = add_label(project=project, name="Cup", key="1")
    assert fresh.pk != cup.pk
    with pytest.raises(Conflict):
        update_label(label=cup, user=olga, archived=False)
    archive_label(label=fresh, user=olga)
    assert update_label(label=cup, user=olga, archived=False).archived_at is None


def test_folder_names_find_classes_whatever_their_case_and_make_new_ones(project: Project) -> None:
    found = labels_named(project=project, names=["CUP", "bowl", "Bowl", "x" * 200, "a\x00b"])
    assert found["CUP"].name == "cup"
    assert found["bowl"] == found["Bowl"]
    assert found["x" * 200].name == "x" * 80
    assert found["a\x00b"].name == "a b"
    assert project.labels.count() == 5


def test_too_many_classes_are_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotator.projects.setup.MOST_CLASSES", 2)
    with pytest.raises(Invalid, match="at most 2"):
        add_label(project=project, name="bowl")


def test_a_project_that_is_put_away_is_out_of_sight(project: Project, olga: User) -> None:
    from annotator.projects.access import find_project, visible_projects
    from annotator.projects.errors import NotFound

    archive_project(project=project, user=olga)
    assert not visible_projects(olga).exists()
    with pytest.raises(NotFound):
        find_project(olga, project.pk)
    assert Project.objects.filter(pk=project.pk).exists()


def test_a_project_can_be_deleted_for_good_with_what_people_said(project: Project, olga: User) -> None:
    from tests.labelling.answers import say
    from tests.labelling.rows import make_images

    [image] = make_images(project, 1)
    say(image, olga, project.labels.get(name="cup"))
    project.delete()
    assert not Label.objects.exists()
