"""What all views share: who is asking, what they may see, and the shapes that several nouns have in common."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.request import Request

from annotator.projects.errors import Invalid
from annotator.projects.models import ApiToken, Label, Membership, User

VIEWER, ANNOTATOR, OWNER = Membership.Role.VIEWER, Membership.Role.ANNOTATOR, Membership.Role.OWNER


def person(request: Request) -> User:
    """Who is asking; only for views behind `SignedIn`."""
    return cast(User, request.user)


def by_script(request: Request) -> bool:
    """Whether a token rather than a browser's session is asking."""
    return isinstance(request.auth, ApiToken)


def parsed(kind: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    """The checked content of a request; raises ValidationError, which names the field.

    A field that is not known is an error in JSON, where it is a slip of the pen that would otherwise pass unseen.
    """
    serializer = _ready(kind)
    if isinstance(data, dict) and not isinstance(data, QueryDict):
        for name in data:
            if name not in serializer.fields:
                raise Invalid(f"There is no field '{name}' here; there are: {', '.join(serializer.fields)}.", field=name)
    return cast(dict[str, Any], serializer.run_validation(data))


@cache
def _ready(kind: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """One for all requests: validation keeps nothing in it, and copying the fields costs more than checking them."""
    return kind()


def display_name(user: User | None) -> str | None:
    """How a person is shown to others."""
    return None if user is None else user.get_full_name() or user.get_username()


def label_row(label: Label | None, count: int | None = None) -> dict[str, Any] | None:
    """A class as the API gives it."""
    if label is None:
        return None
    row: dict[str, Any] = {
        "id": label.pk, "name": label.name, "color": label.color, "key": label.key, "position": label.position,
        "archived": label.archived_at is not None,
    }
    return row if count is None else row | {"count": count}


class Id(serializers.IntegerField):
    """The id of a row, as large as databases can have them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=2**63 - 1, **options)


class Ids(serializers.ListField):
    """Ids of rows."""

    child = Id()


class ProgressRow(serializers.Serializer[Any]):
    images = serializers.IntegerField()
    featured = serializers.IntegerField()
    labelled = serializers.IntegerField(help_text="Audit images included.")
    audit_images = serializers.IntegerField()
    audit_labelled = serializers.IntegerField()
    skipped = serializers.IntegerField()
    flagged = serializers.IntegerField()
    unlabelled = serializers.IntegerField(help_text="Neither labelled nor skipped nor flagged.")


class LabelRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    color = serializers.CharField(help_text="As #rrggbb.")
    key = serializers.CharField(help_text="The key that chooses it; may be empty.")
    position = serializers.IntegerField()
    archived = serializers.BooleanField()


class Empty(serializers.Serializer[Any]):
    """A request without content."""
