"""annotator migrate: bring the database up to date. `annotator up` does it by itself; several machines do it once."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from annotator.cli.data_option import add_data_option
from annotator.config.database import open_database
from annotator.config.start import start_django

if TYPE_CHECKING:
    from annotator.cli import Parsers


def add_parser(subparsers: Parsers) -> None:
    """annotator migrate [--data]"""
    add_data_option(subparsers.add_parser("migrate", help="bring the database up to date"))


def run(args: argparse.Namespace) -> None:
    """Applies what is missing; done already, it does nothing."""
    start_django(args.data)
    open_database()
    print("The database is up to date.")
