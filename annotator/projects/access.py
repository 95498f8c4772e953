"""Who may do what in a project: owner > annotator > viewer; a superuser is owner everywhere."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from annotator.projects import rows
from annotator.projects.errors import NotAllowed, NotFound
from annotator.projects.models import AuditEntry, Membership, Project, User

RANK = {Membership.Role.VIEWER: 0, Membership.Role.ANNOTATOR: 1, Membership.Role.OWNER: 2}
NEED = {
    Membership.Role.ANNOTATOR: "Only annotators and owners of this project may do this.",
    Membership.Role.OWNER: "Only owners of this project may do this.",
}
UNKNOWN = "There is no such project, or you are not a member of it."
MINE = "(SELECT m.role FROM projects_membership m WHERE m.project_id = projects_project.id AND m.user_id = %s)"
FIND = f"{rows.select(Project, MINE)} WHERE id = %s AND archived_at IS NULL"
HIGHEST_ID = 2**63 - 1


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
    _require(role_of(user, project), role)


def _require(mine: str | None, role: str) -> None:
    if mine is None:
        raise NotFound(UNKNOWN)
    if RANK[Membership.Role(mine)] < RANK[Membership.Role(role)]:
        raise NotAllowed(NEED[Membership.Role(role)])


def find_project(user: User, project_id: int, role: str = Membership.Role.VIEWER) -> Project:
    """The project, if `user` has at least `role` in it."""
    row = rows.find(FIND, [user.pk, project_id]) if project_id <= HIGHEST_ID else None
    if row is None:
        raise NotFound(UNKNOWN)
    _require(Membership.Role.OWNER if user.is_superuser else row[-1], role)
    return rows.instance(Project, row)


def note(*, user: User | None, action: str, project: Project | None = None, **detail: Any) -> AuditEntry:
    """Write down who did what."""
    return AuditEntry.objects.create(user=user, project=project, action=action, detail=detail)
