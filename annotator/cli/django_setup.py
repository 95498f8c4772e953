"""Starts Django for a command that needs it, and opens the database; what is wrong comes out as one sentence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from annotator.supervisor.data_dir import prepare_data_dir
from annotator.supervisor.refusal import Refusal

if TYPE_CHECKING:
    from django.db.migrations.executor import MigrationExecutor


def start_django(data: Path | None = None) -> None:
    """Load settings and models, with `data` as the data directory where it is given."""
    if data is not None:
        os.environ["ANNOTATOR_DATA"] = str(prepare_data_dir(data))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotator.config.settings")

    import django
    from django.core.exceptions import ImproperlyConfigured

    try:
        django.setup()
    except ImproperlyConfigured as error:
        raise Refusal(str(error)) from error


def open_database() -> None:
    """Apply what migrations are missing. Refuses a database that does not answer or that a newer version has written."""
    from django.core.management import call_command
    from django.db import DatabaseError, connection
    from django.db.migrations.executor import MigrationExecutor

    try:
        executor = MigrationExecutor(connection)
        unknown = _unknown_migrations(executor)
        if unknown:
            raise Refusal(
                f"The database {_where(connection.settings_dict)} was written by a newer version of Edge Annotator "
                f"(it has {unknown[0]}): install that version, or choose another directory with --data."
            )
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, verbosity=0)
    except DatabaseError as error:
        reason = str(error).strip().partition("\n")[0]
        raise Refusal(
            f"The database {_where(connection.settings_dict)} cannot be used ({reason}): "
            "check DATABASE_URL and that the server runs, or the disk and the rights of the data directory."
        ) from error


def _unknown_migrations(executor: MigrationExecutor) -> list[str]:
    """Applied migrations of our apps that this code does not have."""
    loader = executor.loader
    known = set(loader.disk_migrations)
    for migration in loader.disk_migrations.values():
        known.update(migration.replaces)
    mine = loader.migrated_apps
    return sorted(f"{app}.{name}" for app, name in loader.applied_migrations if app in mine and (app, name) not in known)


def _where(settings: dict[str, object]) -> str:
    """The database without its password."""
    host = settings.get("HOST")
    return f"'{settings.get('NAME')}' on {host}" if host else str(settings.get("NAME"))
