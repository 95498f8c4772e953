"""annotator up: everything on this machine, and one address to open."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from annotator.cli.data_option import add_data_option
from annotator.supervisor.machine import run_machine

if TYPE_CHECKING:
    from annotator.cli import Parsers


def add_parser(subparsers: Parsers) -> None:
    """annotator up [--host] [--port] [--devices] [--data] [--no-browser] [--verbose]"""
    parser = subparsers.add_parser("up", help="start everything on this machine and print the address")
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on; 0.0.0.0 for every one (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=int, default=8000, help="the port to listen on; 0 for any free one (default: %(default)s)"
    )
    parser.add_argument(
        "--devices", metavar="[HOST:]PORT", help="also listen for devices, with TLS, on this port (every address, or HOST)"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open the address in a browser")
    parser.add_argument("--verbose", action="store_true", help="show what every process says, besides data/logs")
    add_data_option(parser)


def run(args: argparse.Namespace) -> None:
    """Stays until Ctrl-C or SIGTERM."""
    run_machine(
        host=args.host, port=args.port, data=args.data, browser=not args.no_browser, verbose=args.verbose,
        devices=args.devices,
    )
