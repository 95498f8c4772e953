"""annotator migrate: bring the database up to date, and make the bucket. `annotator up` needs no one to run it."""

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
    add_data_option(subparsers.add_parser("migrate", help="bring the database up to date, and make the bucket"))


def run(args: argparse.Namespace) -> None:
    """Does what is missing; done already, it does nothing."""
    start_django(args.data)
    open_database()
    print("The database is up to date.")

    from annotator.config.bucket import ensure_bucket

    if ensure_bucket():
        print("The bucket has been made.")
