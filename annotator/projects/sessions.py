"""Who a browser is: Django's sessions and users, read with statements written out, because every single request reads both.

Building these two queries took more than half of the time of a small request; running them takes next to none. What is read,
and how it is checked, is Django's own.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends import db
from django.db import connection
from django.utils import timezone

from annotator.projects.models import User

BACKEND = "annotator.projects.sessions.Backend"
_SESSION = "SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > %s"
_USER = "SELECT * FROM projects_user WHERE id = %s"


class SessionStore(db.SessionStore):
    """Sessions in the database."""

    def load(self) -> dict[str, Any]:
        """What a session holds; nothing for one that is unknown or too old."""
        with connection.cursor() as cursor:
            cursor.execute(_SESSION, [self.session_key, connection.ops.adapt_datetimefield_value(timezone.now())])
            row = cursor.fetchone()
        if row is None:
            self._session_key = None
            return {}
        return dict(self.decode(row[0]))


class Backend(ModelBackend):
    """Passwords in the database."""

    def get_user(self, user_id: int) -> User | None:
        """The user of a session, unless there is none any more, or somebody barred them."""
        found = list(User.objects.raw(_USER, [user_id]))
        return found[0] if found and self.user_can_authenticate(found[0]) else None
