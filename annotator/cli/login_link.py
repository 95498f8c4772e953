"""annotator login-link: an address that signs a person in once."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from annotator.cli.data_option import add_data_option
from annotator.config.database import open_database
from annotator.config.start import start_django
from annotator.supervisor.data_dir import running_site
from annotator.supervisor.refusal import Refusal

if TYPE_CHECKING:
    from annotator.cli import Parsers


def add_parser(subparsers: Parsers) -> None:
    """annotator login-link [USERNAME] [--address]"""
    parser = subparsers.add_parser("login-link", help="print a one-time sign-in link")
    parser.add_argument("username", nargs="?", help="whom it signs in (default: the owner of this install)")
    parser.add_argument("--address", help="where the site is (default: where it runs, else http://127.0.0.1:8000)")
    add_data_option(parser)


def run(args: argparse.Namespace) -> None:
    """Prints the link; only its hash is kept."""
    start_django(args.data)
    open_database()

    from annotator.projects.models import User
    from annotator.projects.tokens import make_sign_in_link, owner

    user = User.objects.filter(username=args.username, is_active=True).first() if args.username else owner()
    if user is None:
        raise Refusal(f"There is no active user '{args.username}': add one with 'annotator createuser {args.username}'.")
    address = args.address or running_site(args.data) or "http://127.0.0.1:8000"
    print(f"{address.rstrip('/')}/signin?token={make_sign_in_link(user)}")
