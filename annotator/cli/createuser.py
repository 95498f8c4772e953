"""annotator createuser: add a person. Nobody can add themselves."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import TYPE_CHECKING

from annotator.cli.data_option import add_data_option
from annotator.config.database import open_database
from annotator.config.start import start_django
from annotator.supervisor.refusal import Refusal

if TYPE_CHECKING:
    from annotator.cli import Parsers


def add_parser(subparsers: Parsers) -> None:
    """annotator createuser USERNAME [--email] [--admin] [--no-password]"""
    parser = subparsers.add_parser("createuser", help="add a person")
    parser.add_argument("username", help="letters, digits and @ . + - _")
    parser.add_argument("--email", default="", help="an address, if there is one")
    parser.add_argument("--admin", action="store_true", help="may do everything, in every project")
    parser.add_argument(
        "--no-password", action="store_true",
        help="sign in by 'annotator login-link' only (else the password is asked, or read from a pipe)",
    )
    add_data_option(parser)


def run(args: argparse.Namespace) -> None:
    """Makes the user, or refuses with what is wrong about the name or the password."""
    start_django(args.data)
    open_database()

    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    from annotator.projects.models import User

    user = User(username=args.username, email=args.email, is_staff=args.admin, is_superuser=args.admin)
    user.set_unusable_password()
    try:
        user.full_clean()
        if not args.no_password:
            password = _read_password()
            validate_password(password, user)
            user.set_password(password)
    except ValidationError as error:
        raise Refusal(f"'{args.username}' was not added: {' '.join(error.messages)}") from error
    user.save()
    print(f"Added {'administrator' if args.admin else 'user'} '{user.username}'.")


def _read_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("The same again: ") != password:
        raise Refusal("The two passwords differ: start again.")
    return password
