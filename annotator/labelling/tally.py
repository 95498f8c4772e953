"""Progress in numbers, kept by the database itself, so that no way of writing a row can make them wrong.

Counting a hundred thousand rows at each answer is too slow, and counters that code has to remember to change drift.
So triggers on the two tables that are counted change the project's `Tally` in the same transaction as the row: for the
page, a bulk update, a cascade and the admin alike. `install` runs after every migrate (a migration may rebuild a table, and
with it lose its triggers) and counts afresh.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection, connections, transaction

TALLY = "labelling_tally"
# Table -> column of the tally -> the condition, on a row called r, that counts.
COUNTED: dict[str, dict[str, str]] = {
    "images_image": {"images": "1 = 1", "audit_images": "r.is_audit", "featured": "r.featured"},
    "labelling_standing": {
        "labelled": "r.kind = 'label'",
        "audit_labelled": "r.kind = 'label' AND r.is_audit",
        "skipped": "r.kind = 'skip'",
        "flagged": "r.kind = 'flag'",
        "audit_answered": "r.is_audit",
    },
}
COLUMNS = [column for columns in COUNTED.values() for column in columns]


def progress(project_id: int) -> dict[str, int]:
    """Images, featured, labelled, audit_images, audit_labelled, skipped, flagged and unlabelled of a project."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(COLUMNS)} FROM {TALLY} WHERE project_id = %s", [project_id])
        row = cursor.fetchone() or [0] * len(COLUMNS)
    return shape(dict(zip(COLUMNS, row, strict=True)))


def shape(row: dict[str, int]) -> dict[str, int]:
    """A tally as the API gives it."""
    answered = row["labelled"] + row["skipped"] + row["flagged"]
    told = {column: row[column] for column in COLUMNS if column != "audit_answered"}
    return told | {"unlabelled": row["images"] - answered}


def install(*, using: str = "default", **_: Any) -> None:
    """Put the triggers in place and count afresh; does nothing while the tables are not there."""
    database = connections[using]
    tables = set(database.introspection.table_names())
    if not {TALLY, *COUNTED} <= tables:
        return
    statements = _sqlite() if database.vendor == "sqlite" else _postgresql()
    with database.cursor() as cursor:
        if database.vendor == "sqlite" and _in_place(cursor, statements):
            return
        for statement in statements:
            cursor.execute(statement)
    recount(using=using)


def remove(*, using: str = "default", plan: Sequence[Any] = (), **_: Any) -> None:
    """Take SQLite's triggers away before tables change: it cannot rename a table that a trigger names."""
    database = connections[using]
    if plan and database.vendor == "sqlite":
        with database.cursor() as cursor:
            for statement in _sqlite():
                if statement.startswith("DROP"):
                    cursor.execute(statement)


def recount(*, using: str = "default") -> None:
    """Count every project from its rows."""
    database = connections[using]
    with transaction.atomic(using=using), database.cursor() as cursor:
        if database.vendor == "postgresql":
            # A row that is being written has been counted, or its trigger waits until we have counted without it.
            cursor.execute(f"LOCK TABLE {TALLY} IN EXCLUSIVE MODE")
        for statement in _recount_statements():
            cursor.execute(statement)


def _recount_statements() -> list[str]:
    sums = ", ".join(
        f"{column} = (SELECT count(*) FROM {table} r WHERE r.project_id = {TALLY}.project_id AND ({condition}))"
        for table, columns in COUNTED.items()
        for column, condition in columns.items()
    )
    zeros = ", ".join("0" for _ in COLUMNS)
    missing = f"SELECT p.id, {zeros} FROM projects_project p WHERE p.id NOT IN (SELECT project_id FROM {TALLY})"
    return [f"INSERT INTO {TALLY} (project_id, {', '.join(COLUMNS)}) {missing}", f"UPDATE {TALLY} SET {sums}"]


def _sqlite() -> list[str]:
    """Row triggers: SQLite has no others, and changes a row in place."""
    statements = _sqlite_trigger("tally_project_insert", "INSERT ON projects_project", _new_tally("NEW.id"))
    for table, columns in COUNTED.items():
        watched = "UPDATE OF " + ("featured, is_audit" if table == "images_image" else "kind, is_audit")
        for event, signs in (("INSERT", {"NEW": 1}), (watched, {"NEW": 1, "OLD": -1}), ("DELETE", {"OLD": -1})):
            changes = ", ".join(f"{column} = {column}{_sqlite_delta(counts, signs)}" for column, counts in columns.items())
            project = f"{'OLD' if event == 'DELETE' else 'NEW'}.project_id"
            body = f"UPDATE {TALLY} SET {changes} WHERE project_id = {project}"
            name = f"tally_{table}_{event.split()[0].lower()}"
            statements += _sqlite_trigger(name, f"{event} ON {table}", body)
    return statements


def _sqlite_delta(condition: str, signs: dict[str, int]) -> str:
    return "".join(f" {'+' if sign > 0 else '-'} ({condition.replace('r.', f'{row}.')})" for row, sign in signs.items())


def _sqlite_trigger(name: str, event: str, body: str) -> list[str]:
    return [f"DROP TRIGGER IF EXISTS {name}", f"CREATE TRIGGER {name} AFTER {event} BEGIN {body}; END"]


def _in_place(cursor: Any, statements: list[str]) -> bool:
    cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")
    return {sql for (sql,) in cursor.fetchall()} >= {statement for statement in statements if statement.startswith("CREATE")}


def _postgresql() -> list[str]:
    """Statement triggers: a row that is changed once for each of 100,000 rows would leave 100,000 versions behind."""
    statements = _postgresql_trigger(
        "tally_project_insert", "INSERT ON projects_project", "REFERENCING NEW TABLE AS fresh",
        f"{_new_tally('fresh.id')} FROM fresh",
    )
    for table, columns in COUNTED.items():
        fresh, stale = "SELECT *, 1 AS sign FROM fresh", "SELECT *, -1 AS sign FROM stale"
        for event, tables, rows in (
            ("INSERT", "NEW TABLE AS fresh", fresh),
            ("UPDATE", "NEW TABLE AS fresh OLD TABLE AS stale", f"{fresh} UNION ALL {stale}"),
            ("DELETE", "OLD TABLE AS stale", stale),
        ):
            sums = ", ".join(f"sum(sign * ({condition})::int) AS {column}" for column, condition in columns.items())
            changes = ", ".join(f"{column} = t.{column} + d.{column}" for column in columns)
            moved = " OR ".join(f"d.{column} <> 0" for column in columns)
            body = (
                f"UPDATE {TALLY} t SET {changes} FROM "
                f"(SELECT project_id, {sums} FROM ({rows}) r GROUP BY project_id) d "
                f"WHERE t.project_id = d.project_id AND ({moved})"
            )
            name = f"tally_{table}_{event.lower()}"
            statements += _postgresql_trigger(name, f"{event} ON {table}", f"REFERENCING {tables}", body)
    return statements


def _postgresql_trigger(name: str, event: str, referencing: str, body: str) -> list[str]:
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NULL; END $$",
        f"CREATE OR REPLACE TRIGGER {name} AFTER {event} {referencing} FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
    ]


def _new_tally(project: str) -> str:
    zeros = ", ".join("0" for _ in COLUMNS)
    return f"INSERT INTO {TALLY} (project_id, {', '.join(COLUMNS)}) SELECT {project}, {zeros}"

