"""Who a browser is: Django's sessions and users, read with statements written out, because every single request reads both.

Building these two queries took more than half of the time of a small request; running them takes next to none. What is read,
and how it is checked, is Django's own.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends import db
from django.db import connection
from django.utils import timezone

from annotator.projects import rows
from annotator.projects.models import User

BACKEND = "annotator.projects.sessions.Backend"
_SESSION = "SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > %s"
_USER = f"{rows.select(User)} WHERE id = %s"
KEPT = 1024


class SessionStore(db.SessionStore):
    """Sessions in the database."""

    def load(self) -> dict[str, Any]:
        """What a session holds; nothing for one that is unknown or too old."""
        row = rows.find(_SESSION, [self.session_key, connection.ops.adapt_datetimefield_value(timezone.now())])
        if row is None:
            self._session_key = None
            return {}
        return dict(json.loads(_content(row[0])))


class Backend(ModelBackend):
    """Passwords in the database."""

    def get_user(self, user_id: int) -> User | None:
        """The user of a session, unless there is none any more, or somebody barred them."""
        row = rows.find(_USER, [user_id])
        user = None if row is None else rows.instance(User, row)
        return user if user is not None and self.user_can_authenticate(user) else None


@lru_cache(KEPT)
def _content(data: str) -> str:
    """What a session's row holds, as JSON, its signature checked: once for each content, not for each request."""
    return json.dumps(SessionStore().decode(data))
