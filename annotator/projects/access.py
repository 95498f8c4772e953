"""Who may do what in a project: owner > annotator > viewer; a superuser is owner everywhere."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from annotator.projects.errors import NotAllowed, NotFound
from annotator.projects.models import AuditEntry, Membership, Project, User

RANK = {Membership.Role.VIEWER: 0, Membership.Role.ANNOTATOR: 1, Membership.Role.OWNER: 2}
NEED = {
    Membership.Role.ANNOTATOR: "Only annotators and owners of this project may do this.",
    Membership.Role.OWNER: "Only owners of this project may do this.",
}


def visible_projects(user: User) -> QuerySet[Project]:
    """The projects that `user` may know of."""
    alive = Project.objects.filter(archived_at=None)
    return alive if user.is_superuser else alive.filter(memberships__user=user)


def role_of(user: User, project: Project) -> str | None:
    """The role of `user` in `project`, or None for a stranger."""
    if user.is_superuser:
        return Membership.Role.OWNER
    return Membership.objects.filter(user=user, project=project).values_list("role", flat=True).first()


def require(user: User, project: Project, role: str) -> None:
    """Raise NotFound for a stranger and NotAllowed for a member with too small a role."""
    mine = role_of(user, project)
    if mine is None:
        raise NotFound("There is no such project, or you are not a member of it.")
    if RANK[Membership.Role(mine)] < RANK[Membership.Role(role)]:
        raise NotAllowed(NEED[Membership.Role(role)])


def find_project(user: User, project_id: int, role: str = Membership.Role.VIEWER) -> Project:
    """The project, if `user` has at least `role` in it."""
    project = Project.objects.filter(pk=project_id, archived_at=None).first()
    if project is None:
        raise NotFound("There is no such project, or you are not a member of it.")
    require(user, project, role)
    return project


def note(*, user: User | None, action: str, project: Project | None = None, **detail: Any) -> AuditEntry:
    """Write down who did what."""
    return AuditEntry.objects.create(user=user, project=project, action=action, detail=detail)
