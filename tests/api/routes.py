"""The routes of the API as the URL table has them, and who may use each.

A route that is not in `WHO` fails the tests: say there who may use it.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

PREFIX = "api/"
ANYONE, SIGNED_IN, CREATOR, VIEWER, ANNOTATOR, OWNER = "anyone", "signed in", "creator", "viewer", "annotator", "owner"
# Devices sign each request with their own key; a newcomer does with the key that it brings. Nothing that people have helps.
DEVICE, NEWCOMER = "device", "newcomer"
# Everybody's rank within a project; strangers and those who are not signed in have none.
RANK = {VIEWER: 0, ANNOTATOR: 1, OWNER: 2}

_P = "projects/<int:project_id>"
WHO = {
    "GET me": SIGNED_IN,
    "GET auth/csrf": ANYONE,
    "POST auth/login": ANYONE,
    "POST auth/link": ANYONE,
    "POST auth/logout": SIGNED_IN,
    "GET tokens": SIGNED_IN,
    "POST tokens": SIGNED_IN,
    "DELETE tokens/<int:token_id>": SIGNED_IN,
    "POST markdown": SIGNED_IN,
    "GET samples": SIGNED_IN,
    "POST samples/<slug:name>": CREATOR,
    "GET projects": SIGNED_IN,
    "POST projects": CREATOR,
    f"GET {_P}": VIEWER,
    f"PATCH {_P}": OWNER,
    f"DELETE {_P}": OWNER,
    f"POST {_P}/labels": OWNER,
    f"PATCH {_P}/labels/<int:label_id>": OWNER,
    f"DELETE {_P}/labels/<int:label_id>": OWNER,
    f"GET {_P}/members": VIEWER,
    f"POST {_P}/members": OWNER,
    f"PATCH {_P}/members/<int:member_id>": OWNER,
    f"DELETE {_P}/members/<int:member_id>": OWNER,
    f"GET {_P}/imports": VIEWER,
    f"POST {_P}/imports": ANNOTATOR,
    f"GET {_P}/imports/<int:import_id>": VIEWER,
    f"POST {_P}/imports/<int:import_id>/close": ANNOTATOR,
    f"POST {_P}/imports/<int:import_id>/known": ANNOTATOR,
    f"POST {_P}/imports/<int:import_id>/files": ANNOTATOR,
    f"GET {_P}/imports/<int:import_id>/archive": VIEWER,
    f"PUT {_P}/imports/<int:import_id>/archive": ANNOTATOR,
    f"GET {_P}/images": VIEWER,
    f"GET {_P}/images/<int:image_id>": VIEWER,
    f"DELETE {_P}/images/<int:image_id>": OWNER,
    f"GET {_P}/images/<int:image_id>/similar": VIEWER,
    f"GET {_P}/duplicates": VIEWER,
    f"GET {_P}/images/<int:image_id>/thumb": VIEWER,
    f"GET {_P}/images/<int:image_id>/display": VIEWER,
    f"POST {_P}/tasks/next": ANNOTATOR,
    f"POST {_P}/tasks/renew": ANNOTATOR,
    f"POST {_P}/tasks/release": ANNOTATOR,
    f"POST {_P}/annotations": ANNOTATOR,
    f"GET {_P}/annotations": VIEWER,
    f"GET {_P}/learning": VIEWER,
    f"GET {_P}/learning/cell": VIEWER,
    f"POST {_P}/replay": OWNER,
    f"GET {_P}/models": VIEWER,
    f"POST {_P}/features": OWNER,
    f"GET {_P}/challengers": VIEWER,
    f"POST {_P}/challengers": OWNER,
    f"POST {_P}/challengers/<int:challenger_id>/cancel": OWNER,
    f"POST {_P}/challengers/<int:challenger_id>/use": OWNER,
    f"GET {_P}/finetune": VIEWER,
    f"POST {_P}/finetune": OWNER,
    f"GET {_P}/jobs": VIEWER,
    f"GET {_P}/jobs/<uuid:job_id>": VIEWER,
    f"POST {_P}/jobs/<uuid:job_id>/cancel": OWNER,
    f"GET {_P}/jobs/<uuid:job_id>/log": VIEWER,
    f"GET {_P}/bundles": VIEWER,
    f"POST {_P}/bundles": OWNER,
    f"GET {_P}/bundles/<int:bundle_id>": VIEWER,
    f"GET {_P}/bundles/<int:bundle_id>/download": VIEWER,
    f"GET {_P}/devices": VIEWER,
    f"POST {_P}/devices/codes": OWNER,
    f"GET {_P}/devices/<uuid:device_id>": VIEWER,
    f"PATCH {_P}/devices/<uuid:device_id>": OWNER,
    f"DELETE {_P}/devices/<uuid:device_id>": OWNER,
    f"POST {_P}/devices/<uuid:device_id>/rollback": OWNER,
    f"GET {_P}/deployments": VIEWER,
    f"POST {_P}/deployments": OWNER,
    f"GET {_P}/deployments/<int:deployment_id>": VIEWER,
    f"POST {_P}/deployments/<int:deployment_id>/cancel": OWNER,
    f"POST {_P}/deployments/<int:deployment_id>/rollback": OWNER,
    "POST edge/enrol": NEWCOMER,
    "POST edge/sync": DEVICE,
    "GET edge/bundles/<int:number>": DEVICE,
    "POST edge/vitals": DEVICE,
    "POST edge/sightings": DEVICE,
    f"GET {_P}/devices/<uuid:device_id>/history": VIEWER,
    f"GET {_P}/alerts": VIEWER,
    f"POST {_P}/alerts/<int:alert_id>/seen": ANNOTATOR,
    "GET fleet": SIGNED_IN,
    f"GET {_P}/dashboard": OWNER,
    "GET system": SIGNED_IN,
    "GET schema/": ANYONE,
    "GET docs/": ANYONE,
}
# What a token that may only label can write besides.
LABELLING = {f"POST {_P}/tasks/next", f"POST {_P}/tasks/renew", f"POST {_P}/tasks/release", f"POST {_P}/annotations"}


@dataclass(frozen=True)
class Route:
    """One method of one address."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def who(self) -> str:
        """Who may use it; KeyError for one that nobody thought about."""
        return WHO[str(self)]

    @property
    def for_people(self) -> bool:
        """Whether people, or scripts for them, use it."""
        return self.who not in {DEVICE, NEWCOMER}

    @property
    def in_a_project(self) -> bool:
        return "<int:project_id>" in self.path

    def address(self, values: dict[str, object]) -> str:
        """With the ids filled in; KeyError for a kind of id that `values` does not know."""
        parts = []
        for part in self.path.split("/"):
            parts.append(str(values[part.strip("<>").partition(":")[2]]) if part.startswith("<") else part)
        return "/" + PREFIX + "/".join(parts)


def all_routes() -> list[Route]:
    """Every method of every address below /api/."""
    found: list[Route] = []
    _collect(get_resolver().url_patterns, "", found)
    return found


def _collect(patterns: list[URLPattern | URLResolver], before: str, found: list[Route]) -> None:
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            _collect(pattern.url_patterns, path, found)
        elif path.startswith(PREFIX):
            view: type[APIView] = pattern.callback.cls
            methods = [name for name in view.http_method_names if hasattr(view, name) and name not in {"options", "head"}]
            found += [Route(name.upper(), path.removeprefix(PREFIX)) for name in methods]
