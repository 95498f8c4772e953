"""annotator key: the public key that this workspace signs with."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from annotator.cli.data_option import add_data_option
from annotator.config.start import start_django

if TYPE_CHECKING:
    from annotator.cli import Parsers


def add_parser(subparsers: Parsers) -> None:
    """annotator key [--data]"""
    parser = subparsers.add_parser("key", help="print the public key that bundles are signed with")
    add_data_option(parser)


def run(args: argparse.Namespace) -> None:
    """PEM on standard output, so that it can go into a file."""
    start_django(args.data)

    from annotator.delivery.keys import public_pem

    print(public_pem(), end="")
