"""People for tests."""

from __future__ import annotations

from django.contrib.auth.models import Permission

from annotator.projects.models import User

PASSWORD = "correct horse battery"


def make_user(name: str, *, may_create: bool = False) -> User:
    """An account with the password above."""
    user = User.objects.create_user(name, password=PASSWORD)
    if may_create:
        user.user_permissions.add(Permission.objects.get(codename="add_project"))
    return user
