"""The web process's listeners: the site, and beside it, in the same loop, the one with TLS for devices."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import socket
from collections.abc import Iterator

import uvicorn

from annotator.supervisor.listen import own_names

# Event streams never end by themselves: at shutdown they get this many seconds, then they are cut.
TIME_TO_FINISH = 2
ALWAYS = ("localhost", "127.0.0.1", "::1")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.IGNORECASE)


class ForDevices(uvicorn.Server):
    """The listener for devices; it ends when the site does."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the site's."""
        yield


class Site(uvicorn.Server):
    """The site, and its listener for devices if there is one. Says so on standard output when all of it answers."""

    def __init__(
        self, config: uvicorn.Config, *, ready: str, devices: ForDevices | None, device_socket: socket.socket | None
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._devices = devices
        self._device_socket = device_socket
        self._beside: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self._devices is not None and self._device_socket is not None:
            self._beside = asyncio.create_task(self._devices.serve(sockets=[self._device_socket]))
            while not self._devices.started:
                if self._beside.done():
                    # It cannot serve: its own error ends the process, which says what it was.
                    await self._beside
                await asyncio.sleep(0.01)
        print(self._ready, flush=True)  # noqa: T201  the supervisor reads it

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._devices is not None:
            self._devices.should_exit = True
            self._devices.force_exit = self.force_exit
        await super().shutdown(sockets=sockets)
        if self._beside is not None:
            await self._beside


def site_config() -> uvicorn.Config:
    """How the site is served."""
    return uvicorn.Config(
        "annotator.config.asgi:application", log_level="warning", access_log=False, server_header=False,
        timeout_graceful_shutdown=TIME_TO_FINISH,
    )


def device_config(host: str) -> uvicorn.Config:
    """How devices are served on `host`, with a certificate of the workspace's own authority. Django must be set up."""
    from annotator.delivery.keys import issue_server

    key, certificate = issue_server(certified_names(host))
    return uvicorn.Config(
        "annotator.config.asgi:for_devices", log_level="warning", access_log=False, server_header=False, lifespan="off",
        timeout_graceful_shutdown=TIME_TO_FINISH, ssl_keyfile=str(key), ssl_certfile=str(certificate),
    )


def certified_names(host: str) -> list[str]:
    """Every name under which a device may reach a listener on `host`: its own, this machine's, and those of the settings."""
    from django.conf import settings

    names = {name.strip("[]").lower() for name in [*ALWAYS, *own_names(host), *settings.ALLOWED_HOSTS]}
    return sorted(name for name in names if _is_name(name))


def _is_name(name: str) -> bool:
    try:
        return not ipaddress.ip_address(name).is_unspecified
    except ValueError:
        return _NAME.fullmatch(name) is not None
