"""Setting a project up: its name and guidelines, and its classes, which may be added, renamed and put away at any time."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from annotator.projects.access import note
from annotator.projects.choices import BACKBONES, HEADS, STRATEGIES
from annotator.projects.errors import Conflict, Invalid
from annotator.projects.models import Label, Membership, Project, User

# Told apart by people with the common kinds of colour blindness as far as twenty colours can be.
PALETTE = (
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#ee7733", "#009988", "#cc3311", "#33bbee",
    "#882255", "#999933", "#332288", "#ddaa33", "#117733", "#88ccee", "#994455", "#6699cc", "#997700", "#ee99aa",
)
# Keys of the label page itself: skip, flag, back, forward, help.
RESERVED_KEYS = frozenset("sfd? ")
KEYS = string.digits[1:] + "0" + "".join(letter for letter in "qwertyuiopaghjklzxcvbnm" if letter not in RESERVED_KEYS)
MOST_CLASSES = 1000
LONGEST_NAME = 120
LONGEST_LABEL = 80
LONGEST_GUIDELINES = 50_000
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_TUNED = re.compile(r"tuned-[0-9a-f]{12}")


@transaction.atomic
def create_project(
    *, owner: User, name: str, classes: Iterable[Mapping[str, Any] | str] = (), guidelines: str = "", **options: Any
) -> Project:
    """A new project that belongs to `owner`, with its classes ({name, color?, key?}, or only names).

    Options: backbone, strategy, head, audit_fraction (0.02 to 0.5), audit_every (2 to 1000).
    """
    project = Project(created_by=owner)
    _set(project, {"name": name, "guidelines": guidelines, **options})
    project.save()
    Membership.objects.create(project=project, user=owner, role=Membership.Role.OWNER)
    for entry in classes:
        wanted = {"name": entry} if isinstance(entry, str) else entry
        add_label(project=project, name=str(wanted.get("name", "")), color=wanted.get("color"), key=wanted.get("key"))
    note(user=owner, action="project.created", project=project, name=project.name)
    return project


@transaction.atomic
def update_project(*, project: Project, user: User, **changes: Any) -> Project:
    """Change the name, guidelines or options of a project."""
    _set(project, changes)
    project.save(update_fields=list(changes))
    note(user=user, action="project.changed", project=project, fields=sorted(changes))
    return project


@transaction.atomic
def archive_project(*, project: Project, user: User) -> None:
    """Put a project away: nobody sees it any more; an administrator can bring it back, or delete it with its files."""
    project.archived_at = timezone.now()
    project.save(update_fields=["archived_at"])
    note(user=user, action="project.archived", project=project)


def _set(project: Project, values: Mapping[str, Any]) -> None:
    for field, value in values.items():
        if field not in _CHECKS:
            raise Invalid(f"A project has no '{field}' to set.", field=field)
        setattr(project, field, _CHECKS[field](value))


def _project_name(value: Any) -> str:
    return _name(value, LONGEST_NAME, "the project")


def _guidelines(value: Any) -> str:
    text = str(value)
    if len(text) > LONGEST_GUIDELINES:
        raise Invalid(f"The guidelines are longer than {LONGEST_GUIDELINES:,} characters: shorten them.", field="guidelines")
    return text.replace("\x00", "")


def _audit_fraction(value: Any) -> float:
    if not 0.02 <= float(value) <= 0.5:
        raise Invalid("audit_fraction must be from 0.02 to 0.5.", field="audit_fraction")
    return float(value)


def _audit_every(value: Any) -> int:
    if not 2 <= int(value) <= 1000:
        raise Invalid("audit_every must be from 2 to 1000.", field="audit_every")
    return int(value)


def _backbone(value: Any) -> str:
    """One of the registry, or a fine-tuned one by its name."""
    return str(value) if _TUNED.fullmatch(str(value)) else _choice("backbone", BACKBONES)(value)


def _choice(field: str, offered: Sequence[str]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in offered:
            raise Invalid(f"{field} must be one of {', '.join(offered)}.", field=field)
        return str(value)

    return check


_CHECKS = {
    "name": _project_name, "guidelines": _guidelines, "audit_fraction": _audit_fraction, "audit_every": _audit_every,
    "backbone": _backbone, "strategy": _choice("strategy", STRATEGIES), "head": _choice("head", HEADS),
}


def add_label(
    *, project: Project, name: str, color: str | None = None, key: str | None = None, user: User | None = None
) -> Label:
    """A new class at the end of the list. Without a colour or key it gets the first that is free; a key may be ''."""
    labels = Label.objects.filter(project=project)
    active = list(labels.filter(archived_at=None).values_list("color", "key"))
    if len(active) >= MOST_CLASSES:
        raise Invalid(f"A project has at most {MOST_CLASSES:,} classes: archive some first.", field="name")
    label = Label(
        project=project, name=_label_name(name),
        color=_color(color) if color else _free(PALETTE, (c for c, _ in active), PALETTE[len(active) % len(PALETTE)]),
        key=_free_key(name, [k for _, k in active]) if key is None else _key(key),
        position=(labels.aggregate(last=Max("position"))["last"] or 0) + 1,
    )
    _save(label)
    if user is not None:
        note(user=user, action="label.added", project=project, name=label.name)
    return label


def update_label(*, label: Label, user: User, **changes: Any) -> Label:
    """Rename a class, recolour it, give it another key or position, put it away (archived=True) or bring it back."""
    checks = {"name": _label_name, "color": _color, "key": _key, "position": _position}
    for field, value in changes.items():
        if field == "archived":
            label.archived_at = timezone.now() if value else None
        elif field in checks:
            setattr(label, field, checks[field](value))
        else:
            raise Invalid(f"A class has no '{field}' to set.", field=field)
    _save(label)
    note(user=user, action="label.changed", project=label.project, label=label.pk, fields=sorted(changes))
    return label


def archive_label(*, label: Label, user: User) -> Label:
    """Put a class away. What people said with it stays, but nobody can choose it and no model learns it."""
    return update_label(label=label, user=user, archived=True)


def labels_named(*, project: Project, names: Sequence[str]) -> dict[str, Label]:
    """The class of each of `names`, as folders and CSV files write them; classes that are missing are created."""
    found = {label.name.casefold(): label for label in Label.objects.filter(project=project, archived_at=None)}
    answer: dict[str, Label] = {}
    for name in names:
        short = _label_name(_clean(name)[:LONGEST_LABEL])
        if short.casefold() not in found:
            try:
                found[short.casefold()] = add_label(project=project, name=short)
            except Conflict:
                # Another import has just created it.
                found[short.casefold()] = Label.objects.get(project=project, name__iexact=short, archived_at=None)
        answer[name] = found[short.casefold()]
    return answer


def _save(label: Label) -> None:
    try:
        with transaction.atomic():
            label.save()
    except IntegrityError as error:
        active = Label.objects.filter(project=label.project_id, archived_at=None).exclude(pk=label.pk)
        if label.key and active.filter(key=label.key).exists():
            raise Conflict(f"The key '{label.key}' already chooses another class: pick another key.", field="key") from error
        raise Conflict(f"There is already a class '{label.name}': pick another name.", field="name") from error


def _clean(text: str) -> str:
    """One line without control characters."""
    return " ".join("".join(c if unicodedata.category(c) not in {"Cc", "Cf", "Cs"} else " " for c in text).split())


def _name(value: Any, longest: int, what: str) -> str:
    name = _clean(str(value))
    if not name:
        raise Invalid(f"Give {what} a name.", field="name")
    if len(name) > longest:
        raise Invalid(f"The name is longer than {longest} characters: shorten it.", field="name")
    return name


def _label_name(value: Any) -> str:
    return _name(value, LONGEST_LABEL, "the class")


def _color(value: Any) -> str:
    if not _COLOR.fullmatch(str(value)):
        raise Invalid("color must be written like #1f77b4.", field="color")
    return str(value).lower()


def _key(value: Any) -> str:
    key = str(value).lower()
    if key and (len(key) != 1 or not key.isprintable() or key in RESERVED_KEYS):
        raise Invalid("key must be one character, not S, F, D, ? or the space bar: the page uses these.", field="key")
    return key


def _position(value: Any) -> int:
    if not 0 <= int(value) <= 30_000:
        raise Invalid("position must be from 0 to 30000.", field="position")
    return int(value)


def _free_key(name: str, taken: Iterable[str]) -> str:
    """The class's own name if that is one character (a digit, a letter), else the first key that is free."""
    own = [name.lower()] if len(name) == 1 and name.isalnum() and name.lower() not in RESERVED_KEYS else []
    return _free([*own, *KEYS], taken, "")


def _free(offered: Iterable[str], taken: Iterable[str], otherwise: str) -> str:
    used = {value.lower() for value in taken}
    return next((value for value in offered if value not in used), otherwise)
