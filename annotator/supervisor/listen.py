"""The listening socket, opened by the supervisor and handed down: it outlives a web process that has to be restarted."""

from __future__ import annotations

import errno
import socket

import psutil

from annotator.supervisor.refusal import Refusal

BACKLOG = 512
NOT_OURS = "{} {} is not an address of this machine: use 127.0.0.1, or 0.0.0.0 for every one."
EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104  the person asked for it with --host


def listen(host: str, port: int, *, host_option: str = "--host", port_option: str = "--port") -> socket.socket:
    """An open listening socket. Port 0 takes any free one. The options are those that a sentence of refusal names."""
    if not 0 <= port <= 65535:
        raise Refusal(f"{port_option} {port} is not a port: use a number from 1 to 65535, or 0 for any free one.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise Refusal(NOT_OURS.format(host_option, host)) from error
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind(address)
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        raise Refusal(_why_not(error, host, port, host_option, port_option)) from error
    return opened


def _why_not(error: OSError, host: str, port: int, host_option: str, port_option: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use: choose another with {port_option}, or {port_option} 0 for any free one."
    if error.errno == errno.EACCES:
        return f"Port {port} needs administrator rights: choose one from 1024 up with {port_option}."
    if error.errno == errno.EADDRNOTAVAIL:
        return NOT_OURS.format(host_option, host)
    return f"Port {port} on {host} cannot be opened ({error.strerror}): choose another with {port_option}."


def host_and_port(text: str, option: str) -> tuple[str, int]:
    """What "8443", "192.168.1.5:8443" or "[::1]:8443" says; without a host, every address of this machine."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit()) or (host.count(":") and not host.startswith("[")):
        raise Refusal(f"{option} {text} cannot be read: write a port, or host:port, such as {option} 8443.")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104  devices are elsewhere


def address_for_others(host: str, opened: socket.socket) -> str:
    """The https address under which other machines most likely reach a listener: where it hears all, this machine's own."""
    name = _outgoing() if host in EVERYWHERE else host
    port = opened.getsockname()[1]
    return f"https://[{name}]:{port}" if ":" in name else f"https://{name}:{port}"


def _outgoing() -> str:
    """The address that this machine uses towards others; loopback when it has no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: to connect a datagram socket only asks the routing table (192.0.2.0/24 is nobody's).
            probe.connect(("192.0.2.1", 9))
            found: str = probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"
    return found


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
