"""People come and go; a project never loses its last owner."""

from __future__ import annotations

import pytest

from annotator.projects.access import find_project, require, role_of
from annotator.projects.errors import Conflict, Invalid, NotAllowed, NotFound
from annotator.projects.members import add_member, change_role, find_member, remove_member
from annotator.projects.models import Membership, Project, User
from annotator.projects.setup import create_project


@pytest.fixture
def olga(db: None) -> User:
    return User.objects.create_user("olga")


@pytest.fixture
def anna(db: None) -> User:
    return User.objects.create_user("anna")


@pytest.fixture
def project(olga: User) -> Project:
    return create_project(owner=olga, name="Cups")


def test_somebody_is_let_in(project: Project, olga: User, anna: User) -> None:
    with pytest.raises(NotFound):
        find_project(anna, project.pk)
    add_member(project=project, username="anna", role="annotator", by=olga)
    assert find_project(anna, project.pk, "annotator") == project
    with pytest.raises(NotAllowed):
        find_project(anna, project.pk, "owner")
    assert role_of(anna, project) == "annotator"


def test_only_people_with_an_account_are_let_in_and_only_once(project: Project, olga: User, anna: User) -> None:
    with pytest.raises(Invalid, match="nobody"):
        add_member(project=project, username="nobody", role="viewer", by=olga)
    add_member(project=project, username="anna", role="viewer", by=olga)
    with pytest.raises(Conflict, match="member already"):
        add_member(project=project, username="anna", role="owner", by=olga)
    User.objects.create_user("gone", is_active=False)
    with pytest.raises(Invalid):
        add_member(project=project, username="gone", role="viewer", by=olga)


def test_the_last_owner_stays(project: Project, olga: User, anna: User) -> None:
    mine = Membership.objects.get(user=olga)
    for attempt in (lambda: remove_member(member=mine, by=olga), lambda: change_role(member=mine, role="viewer", by=olga)):
        with pytest.raises(Conflict, match="last owner"):
            attempt()
    other = add_member(project=project, username="anna", role="viewer", by=olga)
    change_role(member=other, role="owner", by=olga)
    remove_member(member=mine, by=anna)
    with pytest.raises(NotFound):
        find_project(olga, project.pk)


def test_a_member_of_another_project_is_not_found(project: Project, olga: User, anna: User) -> None:
    other = create_project(owner=anna, name="Other")
    with pytest.raises(NotFound):
        find_member(project, other.memberships.get().pk)


def test_an_administrator_may_everything(project: Project) -> None:
    root = User.objects.create_superuser("root")
    require(root, project, "owner")
    assert find_project(root, project.pk, "owner") == project


def test_numbers_beyond_any_id_are_only_unknown(olga: User) -> None:
    with pytest.raises(NotFound):
        find_project(olga, 10**30)
