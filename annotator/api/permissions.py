"""What a token may do: reading needs `read`, labelling needs `label`, everything else that writes needs `manage`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request

from annotator.projects.models import ApiToken

if TYPE_CHECKING:
    # REST framework's settings name this module, so its views cannot be imported from here.
    from rest_framework.views import APIView


class SignedIn(IsAuthenticated):
    """Signed in, and within the scopes of the token if there is one. A view names its own with `write_scope`."""

    message = "This token lacks the scope for this: make one that has it."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not super().has_permission(request, view):
            return False
        if not isinstance(request.auth, ApiToken):
            return True
        needed = "read" if request.method in SAFE_METHODS else getattr(view, "write_scope", "manage")
        return needed in request.auth.scopes
