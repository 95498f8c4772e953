"""Letting people into a project, giving them another role, taking them out; a project never loses its last owner."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from annotator.projects.access import note
from annotator.projects.errors import Conflict, Invalid, NotFound
from annotator.projects.models import Membership, Project, User

LAST_OWNER = "This is the project's last owner: make somebody else an owner first."


def find_member(project: Project, member_id: int) -> Membership:
    """One member of a project. Raises NotFound."""
    member = Membership.objects.filter(project=project, pk=member_id).select_related("user", "project").first()
    if member is None:
        raise NotFound("This project has no such member.")
    return member


@transaction.atomic
def add_member(*, project: Project, username: str, role: str, by: User) -> Membership:
    """Let somebody who has an account into the project."""
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise Invalid(f"Nobody here is called '{username}': an administrator creates accounts.", field="username")
    try:
        with transaction.atomic():
            member = Membership.objects.create(project=project, user=user, role=Membership.Role(role))
    except IntegrityError as error:
        raise Conflict(f"{username} is a member already: change their role instead.", field="username") from error
    note(user=by, action="member.added", project=project, member=username, role=role)
    return member


@transaction.atomic
def change_role(*, member: Membership, role: str, by: User) -> Membership:
    """Give a member another role. Raises Conflict for the last owner."""
    if role != Membership.Role.OWNER:
        _keep_an_owner(member)
    member.role = Membership.Role(role)
    member.save(update_fields=["role"])
    note(user=by, action="member.changed", project=member.project, member=member.user.username, role=role)
    return member


@transaction.atomic
def remove_member(*, member: Membership, by: User) -> None:
    """Take a member out; what they said stays. Raises Conflict for the last owner."""
    _keep_an_owner(member)
    member.delete()
    note(user=by, action="member.removed", project=member.project, member=member.user.username)


def _keep_an_owner(member: Membership) -> None:
    # Owners are locked, so that two who leave at once cannot both be 'not the last'.
    owners = Membership.objects.select_for_update().filter(project=member.project_id, role=Membership.Role.OWNER)
    if member.role == Membership.Role.OWNER and len({owner.pk for owner in owners} - {member.pk}) == 0:
        raise Conflict(LAST_OWNER, field="role")
