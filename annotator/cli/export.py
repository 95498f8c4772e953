"""annotator export: the OpenVINO bundle of a project, made in this process; no server needs to run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from annotator.cli.data_option import add_data_option
from annotator.cli.project_argument import find_project, missing
from annotator.cli.without_site import hush_without_site
from annotator.config.database import open_database
from annotator.config.start import start_django

if TYPE_CHECKING:
    from annotator.cli import Parsers


def add_parser(subparsers: Parsers) -> None:
    """annotator export PROJECT [--out DIR] [--data]"""
    parser = subparsers.add_parser("export", help="make the OpenVINO bundle of a project")
    parser.add_argument("project", help="its name or number")
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where to put the zip (default: here)")
    add_data_option(parser)


def run(args: argparse.Namespace) -> None:
    """Prints the path of the zip, alone on standard output; what is going on goes to standard error."""
    start_django(args.data)
    open_database()

    from annotator.delivery.export import export_now
    from annotator.projects.tokens import owner

    hush_without_site()
    project = find_project(args.project)
    if project is None:
        raise missing(args.project)
    print(export_now(project=project, user=owner(), out_dir=args.out.expanduser().resolve(), on_progress=Teller()))


class Teller:
    """Says each step once."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, share: float, message: str) -> None:
        if message != self._said:
            self._said = message
            print(f"{share:4.0%} {message}", file=sys.stderr, flush=True)
