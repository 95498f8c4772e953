"""Opens the database for a command: brought up to date, or refused with one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annotator.supervisor.refusal import Refusal

if TYPE_CHECKING:
    from django.db.migrations.executor import MigrationExecutor


def open_database() -> None:
    """Apply what migrations are missing. Refuses a database that does not answer or that a newer version has written."""
    from django.core.management import call_command
    from django.db import DatabaseError

    if open_database_as_it_is():
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except DatabaseError as error:
            raise _refusal(error) from error


def open_database_as_it_is() -> int:
    """How many migrations are missing. Refuses like `open_database`, and changes nothing."""
    from django.db import DatabaseError, connection
    from django.db.migrations.executor import MigrationExecutor

    try:
        executor = MigrationExecutor(connection)
        unknown = _unknown_migrations(executor)
        if not unknown:
            return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError as error:
        raise _refusal(error) from error
    raise Refusal(
        f"The database {_where()} was written by a newer version of Edge Annotator (it has {unknown[0]}): "
        "install that version, or choose another directory with --data."
    )


def _refusal(error: Exception) -> Refusal:
    reason = str(error).strip().partition("\n")[0]
    return Refusal(
        f"The database {_where()} cannot be used ({reason}): "
        "check DATABASE_URL and that the server runs, or the disk and the rights of the data directory."
    )


def _unknown_migrations(executor: MigrationExecutor) -> list[str]:
    """Applied migrations of our apps that this code does not have."""
    loader = executor.loader
    known = set(loader.disk_migrations)
    for migration in loader.disk_migrations.values():
        known.update(migration.replaces)
    mine = loader.migrated_apps
    return sorted(f"{app}.{name}" for app, name in loader.applied_migrations if app in mine and (app, name) not in known)


def _where() -> str:
    """The database without its password."""
    from django.db import connection

    settings = connection.settings_dict
    return f"'{settings['NAME']}' on {settings['HOST']}" if settings.get("HOST") else str(settings["NAME"])
