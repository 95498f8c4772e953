"""Plain SQL for the two requests that everybody waits for: the next task, and an answer.

Building a query costs Django ten times what running it costs the database, and these requests are made of a dozen small
ones. So they are written out here, in the SQL that SQLite and PostgreSQL share. Everything else goes through the ORM.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from annotator.images.models import Image
from annotator.labelling.models import Annotation, Turn

_IMAGE_FIELDS = ("id", "project_id", "sha256", "name", "width", "height", "is_audit", "sort_key")
_IMAGE = ", ".join(f"i.{field}" for field in _IMAGE_FIELDS)
_UNANSWERED = "NOT EXISTS (SELECT 1 FROM labelling_standing s WHERE s.image_id = i.id)"
_UNANSWERED_LEASE = _UNANSWERED.replace("i.id", "l.image_id")
_FREE = f"{_UNANSWERED} AND NOT EXISTS (SELECT 1 FROM labelling_lease l WHERE l.image_id = i.id)"
# The same asked of the candidate's own row: candidates that are taken are passed over without looking at their images.
_FREE_CANDIDATE = _FREE.replace("i.id", "c.image_id")

_DEVICE_IMPORTS = "SELECT b.id FROM images_import b WHERE b.project_id = %s AND b.source = 'device'"

_ANNOTATION_FIELDS = [field.attname for field in Annotation._meta.concrete_fields if not field.primary_key]
_INSERT = (
    f"INSERT INTO labelling_annotation ({', '.join(_ANNOTATION_FIELDS)}) "
    f"VALUES ({', '.join(['%s'] * len(_ANNOTATION_FIELDS))}) ON CONFLICT (id) DO NOTHING"
)

Row = Sequence[Any]


def lock_turn(project_id: int, now: datetime) -> tuple[Turn, bool]:
    """The turn of a project, locked until the transaction ends; also whether leases have ended by then."""
    lock = "" if connection.vendor == "sqlite" else " FOR UPDATE"
    select = (
        "SELECT handed_out, last_audit, audit_after, learn_after, "
        "EXISTS (SELECT 1 FROM labelling_lease l WHERE l.project_id = t.project_id AND l.expires_at <= %s) "
        "FROM labelling_turn t WHERE t.project_id = %s"
    )
    values = (_moment(now), project_id)
    row = _one(select + lock, *values)
    while row is None:
        _run(
            "INSERT INTO labelling_turn (project_id, handed_out, last_audit, audit_after, learn_after) "
            "VALUES (%s, 0, 0, -1, -1) ON CONFLICT (project_id) DO NOTHING", project_id,
        )
        row = _one(select + lock, *values)
    turn = Turn(project_id=project_id, handed_out=row[0], last_audit=row[1], audit_after=row[2], learn_after=row[3])
    return turn, bool(row[4])


def count_free(project_id: int) -> tuple[dict[bool, int], bool]:
    """How many images nobody has answered or holds: of the judge's (True), and of the others (False).

    Also whether devices have ever sent any.
    """
    counts = _one(
        "SELECT images - audit_images - (labelled + skipped + flagged - audit_answered) - (h.leases - h.audits), "
        f"audit_images - audit_answered - h.audits, EXISTS ({_DEVICE_IMPORTS}) FROM labelling_tally, "
        "(SELECT count(*) AS leases, count(CASE WHEN l.is_audit THEN 1 END) AS audits FROM labelling_lease l "
        f"WHERE l.project_id = %s AND {_UNANSWERED_LEASE}) h WHERE project_id = %s", project_id, project_id, project_id,
    )
    learns, audits, sent = counts or (0, 0, False)
    return {False: learns, True: audits}, bool(sent)


def save_turn(turn: Turn) -> None:
    """Write a turn down."""
    _run(
        "UPDATE labelling_turn SET handed_out = %s, last_audit = %s, audit_after = %s, learn_after = %s "
        "WHERE project_id = %s",
        turn.handed_out, turn.last_audit, turn.audit_after, turn.learn_after, turn.project_id,
    )


def take_expired(project_id: int, now: datetime) -> tuple[int, int]:
    """Take images back from clients that went silent: how many tasks, and how many of them audit images."""
    found = _all(
        "SELECT image_id, number, is_audit FROM labelling_lease WHERE project_id = %s AND expires_at <= %s",
        project_id, _moment(now),
    )
    return _take_back_leases(found)


def take_released(project_id: int, user_id: int, client: str, images: Collection[int] | None) -> tuple[int, int, int]:
    """Take images back from a client (all of its own, or some): how many images, tasks, and audit tasks."""
    some = "" if images is None else f" AND image_id IN ({_marks(images)})"
    found = _all(
        "SELECT image_id, number, is_audit FROM labelling_lease "
        f"WHERE project_id = %s AND user_id = %s AND client = %s{some}", project_id, user_id, client, *(images or ()),
    )
    return len(found), *_take_back_leases(found)


def _take_back_leases(rows: Collection[Row]) -> tuple[int, int]:
    """End leases; those without a number were not handed out as tasks."""
    if rows:
        _run(f"DELETE FROM labelling_lease WHERE image_id IN ({_marks(rows)})", *(row[0] for row in rows))
    tasks = [bool(is_audit) for _, number, is_audit in rows if number]
    return len(tasks), sum(tasks)


def held_by(
    project_id: int, user_id: int, client: str, exclude: Collection[int], count: int
) -> list[tuple[Image, dict[str, Any]]]:
    """What a client holds and has not answered, oldest first: image, and what was shown."""
    found = _all(
        f"SELECT {_IMAGE}, l.shown FROM labelling_lease l JOIN images_image i ON i.id = l.image_id "
        f"WHERE l.project_id = %s AND l.client = %s AND l.user_id = %s AND {_UNANSWERED}{_but(exclude)} "
        "ORDER BY l.number LIMIT %s", project_id, client, user_id, *exclude, count,
    )
    return [(_image(row), json.loads(row[-1])) for row in found]


def renew_leases(images: Collection[int], until: datetime) -> None:
    """Put off when leases end."""
    _run(f"UPDATE labelling_lease SET expires_at = %s WHERE image_id IN ({_marks(images)})", _moment(until), *images)


def free_candidates(
    project_id: int, is_audit: bool, exclude: Collection[int], count: int, *, from_devices: bool = False
) -> list[tuple[Image, Row]]:
    """The best free candidates: image, and (reason, reason_text, guess_id, confidence, top, model_number).

    `from_devices`: only those that devices sent.
    """
    sent = f" AND i.batch_id IN ({_DEVICE_IMPORTS})" if from_devices else ""
    found = _all(
        f"SELECT {_IMAGE}, c.reason, c.reason_text, c.guess_id, c.confidence, c.top, c.model_number "
        "FROM labelling_candidate c JOIN images_image i ON i.id = c.image_id "
        f"WHERE c.project_id = %s AND c.is_audit = %s{sent} AND {_FREE_CANDIDATE}{_but(exclude, 'c.image_id')} "
        "ORDER BY c.position LIMIT %s",
        project_id, is_audit, *([project_id] if sent else []), *exclude, count,
    )
    return [(_image(row), row[len(_IMAGE_FIELDS) :]) for row in found]


def free_images(
    project_id: int, is_audit: bool, exclude: Collection[int], count: int, *, after: int, before: int
) -> list[Image]:
    """Free images in their fixed order, with sort keys above `after` and up to `before`."""
    found = _all(
        f"SELECT {_IMAGE} FROM images_image i WHERE i.project_id = %s AND i.is_audit = %s "
        f"AND i.sort_key > %s AND i.sort_key <= %s AND {_FREE}{_but(exclude)} ORDER BY i.sort_key LIMIT %s",
        project_id, is_audit, after, before, *exclude, count,
    )
    return [_image(row) for row in found]


def add_lease(
    *, image: Image, user_id: int, client: str, number: int, shown: dict[str, Any], until: datetime
) -> bool:
    """Put a free image in front of a client; False when another client has just got it."""
    return _run(
        "INSERT INTO labelling_lease (image_id, project_id, user_id, client, is_audit, number, shown, expires_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (image_id) DO NOTHING",
        image.pk, image.project_id, user_id, client, image.is_audit, number, json.dumps(shown), _moment(until),
    ) == 1


def drop_lease(image_id: int) -> None:
    """Nobody needs to see an image any more."""
    _run("DELETE FROM labelling_lease WHERE image_id = %s", image_id)


def lock_image(project_id: int, image_id: int) -> bool | None:
    """Whether an image is an audit image, its row locked until the transaction ends; None when there is no such image."""
    # The weaker lock lets others refer to the image meanwhile: a ranking, a lease.
    lock = "" if connection.vendor == "sqlite" else " FOR NO KEY UPDATE"
    row = _one("SELECT is_audit FROM images_image WHERE id = %s AND project_id = %s" + lock, image_id, project_id)
    return None if row is None else bool(row[0])


def is_known(annotation_id: UUID) -> bool:
    """Whether an annotation of this id was made before."""
    return _one("SELECT 1 FROM labelling_annotation WHERE id = %s", _uuid(annotation_id)) is not None


def labels_of(project_id: int, wanted: Collection[int]) -> dict[int, tuple[str, bool]]:
    """Of those classes that are the project's: name, and whether it has been archived."""
    found = _all(
        f"SELECT id, name, archived_at FROM projects_label WHERE project_id = %s AND id IN ({_marks(wanted)})",
        project_id, *wanted,
    )
    return {label: (name, archived is not None) for label, name, archived in found}


def insert(annotation: Annotation) -> bool:
    """Write a new annotation down and give it its `seq`; False, and nothing is written, when its id was used before."""
    annotation.created_at = timezone.now()
    adapted = {"id": _uuid(annotation.id), "created_at": _moment(annotation.created_at)}
    values = [adapted[name] if name in adapted else getattr(annotation, name) for name in _ANNOTATION_FIELDS]
    with connection.cursor() as cursor:
        # Not every SQLite that Django takes knows RETURNING.
        cursor.execute(_INSERT if connection.vendor == "sqlite" else f"{_INSERT} RETURNING seq", values)
        if cursor.rowcount != 1:
            return False
        annotation.seq = cursor.lastrowid if connection.vendor == "sqlite" else cursor.fetchone()[0]
    annotation._state.adding = False
    annotation._state.db = connection.alias
    return True


def let_stand(annotation: Annotation, is_audit: bool) -> None:
    """Make an annotation what holds for its image."""
    _run(
        "INSERT INTO labelling_standing (image_id, project_id, annotation_id, kind, label_id, is_audit) "
        "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (image_id) DO UPDATE SET "
        "annotation_id = excluded.annotation_id, kind = excluded.kind, label_id = excluded.label_id",
        annotation.image_id, annotation.project_id, annotation.pk, annotation.kind, annotation.label_id, is_audit,
    )


def take_back(image_id: int) -> None:
    """Nothing holds for an image any more."""
    _run("DELETE FROM labelling_standing WHERE image_id = %s", image_id)


def _all(sql: str, *values: Any) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _one(sql: str, *values: Any) -> Row | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row: Row | None = cursor.fetchone()
        return row


def _run(sql: str, *values: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


def _marks(values: Collection[Any]) -> str:
    """Places for so many values. With the values outside, the text stays the same, and a database need not read it again."""
    return ", ".join(["%s"] * len(values)) or "NULL"


def _but(exclude: Collection[int], column: str = "i.id") -> str:
    return f" AND {column} NOT IN ({_marks(exclude)})" if exclude else ""


def _moment(value: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(value)


def _uuid(value: UUID) -> UUID | str:
    return value if connection.features.has_native_uuid_field else value.hex


def _image(row: Row) -> Image:
    """An image with the fields that are shown; others are fetched when somebody asks for them."""
    return Image.from_db(None, _IMAGE_FIELDS, row[: len(_IMAGE_FIELDS)])
