"""annotator web: the one web process. `annotator up` and containers start it; a person rarely does."""

from __future__ import annotations

import argparse
import http.client
import os
import socket
from typing import TYPE_CHECKING

from annotator.supervisor.listen import listen
from annotator.supervisor.machine import READY

if TYPE_CHECKING:
    from annotator.cli import Parsers

# Event streams never end by themselves: at shutdown they get this many seconds, then they are cut.
TIME_TO_FINISH = 2
TIME_TO_ANSWER = 5


def add_parser(subparsers: Parsers) -> None:
    """annotator web [--host] [--port] [--fd] [--gate] [--healthy]"""
    parser = subparsers.add_parser("web", help="run the web process alone")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="the port to listen on (default: %(default)s)")
    parser.add_argument("--fd", type=int, help="a listening socket that was opened by the parent process")
    parser.add_argument("--gate", type=int, help="load everything, and serve when this pipe of the parent process closes")
    parser.add_argument("--healthy", action="store_true", help="do not serve: say by the exit code whether one does")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM. With --healthy, exit code 0 when the one on this port has database and Redis."""
    if args.healthy:
        return 0 if _answers(args.port) else 1
    listening = listen(args.host, args.port) if args.fd is None else socket.socket(fileno=args.fd)

    import uvicorn

    class Announcing(uvicorn.Server):
        """Says so when it answers."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            print(READY, flush=True)

    config = uvicorn.Config(
        "annotator.config.asgi:application",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=TIME_TO_FINISH,
    )
    if args.gate is not None:
        # The site is loaded while the database is being opened, which takes as long, but it does not see it half-done.
        config.load()
        os.read(args.gate, 1)
    Announcing(config).run(sockets=[listening])
    return 0


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIME_TO_ANSWER)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
