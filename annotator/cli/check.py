"""annotator check: settings, database, Redis and storage, before serving. Changes nothing."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from annotator.cli.data_option import add_data_option
from annotator.cli.doctor import as_text
from annotator.config.start import start_django
from annotator.diagnosis.finding import Finding, note, problem
from annotator.diagnosis.services import examine_services

if TYPE_CHECKING:
    from annotator.cli import Parsers


def add_parser(subparsers: Parsers) -> None:
    """annotator check [--data]"""
    add_data_option(subparsers.add_parser("check", help="check settings, database and storage before serving"))


def run(args: argparse.Namespace) -> int:
    """Exit code 1 when something would keep the site from working."""
    start_django(args.data)
    found = [*examine_services(), *_django_checks()]
    print(as_text(found))
    return int(any(finding.state == "problem" for finding in found))


def _django_checks() -> list[Finding]:
    """Django's own checks; behind HTTPS, those for a public site too."""
    from django.conf import settings
    from django.core import checks

    found = []
    for message in checks.run_checks(include_deployment_checks=settings.HTTPS):
        if not message.is_silenced():
            make = problem if message.is_serious() else note
            mend = message.hint or "Look this check up in Django's documentation."
            found.append(make(message.id or "Django", message.msg, mend))
    return found
