"""The argument PROJECT: a project's number or its exact name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annotator.supervisor.refusal import Refusal

if TYPE_CHECKING:
    from annotator.projects.models import Project


def find_project(wanted: str) -> Project | None:
    """The project with this number or name, or None. Refuses a name that several have."""
    from annotator.projects.models import Project

    alive = Project.objects.filter(archived_at=None)
    if wanted.isdecimal():
        return alive.filter(pk=int(wanted)).first()
    found = list(alive.filter(name=wanted)[:2])
    if len(found) > 1:
        numbers = ", ".join(str(number) for number in alive.filter(name=wanted).values_list("pk", flat=True).order_by("pk"))
        raise Refusal(f"Several projects are called '{wanted}': give the number of one instead ({numbers}).")
    return found[0] if found else None


def missing(wanted: str) -> Refusal:
    """What to say when there is none."""
    from annotator.projects.models import Project

    names = Project.objects.filter(archived_at=None).order_by("pk").values_list("pk", "name")[:10]
    known = ", ".join(f"{number} '{name}'" for number, name in names) or "none yet"
    return Refusal(f"There is no project '{wanted}'. The projects here: {known}.")
