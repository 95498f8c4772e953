"""annotator web: the one web process. `annotator up` and containers start it; a person rarely does."""

from __future__ import annotations

import argparse
import http.client
import os
import socket
from typing import TYPE_CHECKING

from annotator.config.start import start_django
from annotator.supervisor.listen import address_for_others, listen
from annotator.supervisor.machine import READY, device_environment

if TYPE_CHECKING:
    from annotator.cli import Parsers

TIME_TO_ANSWER = 5


def add_parser(subparsers: Parsers) -> None:
    """annotator web [--host] [--port] [--fd] [--gate] [--healthy] [--tls-port] [--tls-host] [--tls-fd]"""
    parser = subparsers.add_parser("web", help="run the web process alone")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="the port to listen on (default: %(default)s)")
    parser.add_argument("--fd", type=int, help="a listening socket that was opened by the parent process")
    parser.add_argument("--gate", type=int, help="load everything, and serve when this pipe of the parent process closes")
    parser.add_argument("--healthy", action="store_true", help="do not serve: say by the exit code whether one does")
    parser.add_argument("--tls-port", type=int, help="also listen for devices, with TLS, on this port")
    parser.add_argument("--tls-host", default="0.0.0.0", help="the address for devices (default: %(default)s)")  # noqa: S104
    parser.add_argument("--tls-fd", type=int, help="a listening socket for devices that was opened by the parent process")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM. With --healthy, exit code 0 when the one on this port has database and Redis."""
    if args.healthy:
        return 0 if _answers(args.port) else 1
    listening = listen(args.host, args.port) if args.fd is None else socket.socket(fileno=args.fd)
    device_socket = _device_socket(args)

    from annotator.config.listeners import ForDevices, Site, device_config, site_config

    config = site_config()
    devices = None
    if device_socket is not None:
        start_django()
        devices = ForDevices(device_config(args.tls_host))
    if args.gate is not None:
        # The site is loaded while the database is being opened, which takes as long, but it does not see it half-done.
        config.load()
        os.read(args.gate, 1)
    Site(config, ready=READY, devices=devices, device_socket=device_socket).run(sockets=[listening])
    return 0


def _device_socket(args: argparse.Namespace) -> socket.socket | None:
    """The listener for devices, if one is wanted; the settings are told of it before they are read."""
    if args.tls_fd is not None:
        return socket.socket(fileno=args.tls_fd)
    if args.tls_port is None:
        return None
    opened = listen(args.tls_host, args.tls_port, host_option="--tls-host", port_option="--tls-port")
    url = os.environ.get("ANNOTATOR_DEVICE_URL") or address_for_others(args.tls_host, opened)
    os.environ.update(device_environment(os.environ, args.tls_host, url))
    return opened


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIME_TO_ANSWER)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
