"""The listening socket, opened by the supervisor and handed down: it outlives a web process that has to be restarted."""

from __future__ import annotations

import errno
import socket

import psutil

from annotator.supervisor.refusal import Refusal

BACKLOG = 512
NOT_OURS = "--host {} is not an address of this machine: use 127.0.0.1, or 0.0.0.0 for every one."
EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104  the person asked for it with --host


def listen(host: str, port: int) -> socket.socket:
    """An open listening socket. Port 0 takes any free one."""
    if not 0 <= port <= 65535:
        raise Refusal(f"--port {port} is not a port: use a number from 1 to 65535, or 0 for any free one.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise Refusal(NOT_OURS.format(host)) from error
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind(address)
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        raise Refusal(_why_not(error, host, port)) from error
    return opened


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use: choose another with --port, or --port 0 for any free one."
    if error.errno == errno.EACCES:
        return f"Port {port} needs administrator rights: choose one from 1024 up with --port."
    if error.errno == errno.EADDRNOTAVAIL:
        return NOT_OURS.format(host)
    return f"Port {port} on {host} cannot be opened ({error.strerror}): choose another with --port."


def address(host: str, opened: socket.socket) -> str:
    """The address to open in a browser on this machine."""
    port = opened.getsockname()[1]
    name = "127.0.0.1" if host in EVERYWHERE else host
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def own_names(host: str) -> list[str]:
    """The names under which browsers elsewhere may reach this machine; none when it listens on loopback only."""
    if host not in EVERYWHERE:
        return [host]
    found = {socket.gethostname(), socket.getfqdn()}
    for addresses in psutil.net_if_addrs().values():
        for one in addresses:
            if one.family == socket.AF_INET:
                found.add(one.address)
            elif one.family == socket.AF_INET6:
                found.add(f"[{one.address.partition('%')[0]}]")
    return sorted(found)
