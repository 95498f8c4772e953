"""The conversation with the workspace: tell how the device is, hear what it shall run and what its owner allows."""

import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from mlcore.edge.agent.changer import Changer
from mlcore.edge.agent.durable import read_json, write_json
from mlcore.edge.agent.health import Health, describe_machine
from mlcore.edge.agent.home import Home
from mlcore.edge.agent.link import Link, LinkProblem, Refused
from mlcore.edge.agent.patience import Patience
from mlcore.edge.agent.status import Status
from mlcore.edge.agent.versions import Versions

PATH = "/api/edge/sync"

# Seconds between two syncs when nothing happens, until the workspace names another number.
EVERY = 20.0

# A revoked device asks this seldom whether that has changed.
EVERY_REVOKED = 300.0

# However much happens, no more often than this.
_LEAST = 0.5


class Sync:
    """Asks again and again, in the thread that calls ``run``; sooner when ``wake`` is called.

    ``on_settings`` gets what the owner allows whenever that changes; ``on_ask`` is called before each sync.
    """

    def __init__(
        self,
        *,
        home: Home,
        link: Link,
        versions: Versions,
        status: Status,
        changer: Changer,
        on_settings: Callable[[Mapping[str, Any]], None] = lambda settings: None,
        on_ask: Callable[[], None] = lambda: None,
    ) -> None:
        self.revoked = False
        self._home = home
        self._link = link
        self._versions = versions
        self._status = status
        self._changer = changer
        self._on_settings = on_settings
        self._on_ask = on_ask
        self._settings: dict[str, Any] = {}
        self._health = Health(home.root)
        self._info: dict[str, Any] | None = None
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._patience = Patience()

    def wake(self) -> None:
        """Ask soon: there is something to tell, or something new to hear."""
        self._wake.set()

    def stop(self) -> None:
        """End ``run``."""
        self._stopped.set()
        self._wake.set()

    def take_up_settings(self) -> None:
        """Apply what the owner allowed when the workspace was last heard; nothing was, when it never was."""
        try:
            settings = read_json(self._home.settings)
        except (OSError, ValueError):
            settings = {}
        self._apply(settings)

    def run(self) -> None:
        """Ask until stopped. A workspace that is away is asked again and again, later each time."""
        while not self._stopped.is_set():
            self._wake.clear()
            pause = self.ask_once()
            self._status.save(self._versions.state)
            self._stopped.wait(_LEAST)
            self._wake.wait(max(0.0, pause - _LEAST))

    def ask_once(self) -> float:
        """Tell and hear once; returns the seconds after which to ask again if nothing happens."""
        self._on_ask()
        body = {**self._status.report(self._versions.state), "health": self._health.read()}
        if self._info is None:
            body["info"] = describe_machine()
        try:
            answer = self._link.ask("POST", PATH, body)
        except Refused as problem:
            return self._refused(problem)
        except LinkProblem as problem:
            self._status.heard(online=False, revoked=self.revoked, why=str(problem))
            return self._patience.failed()
        self._info = body.get("info", self._info)
        self._patience.worked()
        self.revoked = False
        self._status.heard(online=True)
        settings = answer.get("settings")
        if isinstance(settings, dict) and settings != self._settings:
            self._keep(settings)
        self._changer.offer(answer.get("order"))
        every = self._settings.get("sync_seconds")
        return float(every) if isinstance(every, int | float) and every >= 1 else EVERY

    def _refused(self, problem: Refused) -> float:
        if problem.status == HTTPStatus.FORBIDDEN and problem.code == "revoked":
            self.revoked = True
            # Whoever was put out sends nothing home any more, whatever was allowed before.
            self._apply({**self._settings, "privacy": "nothing"})
            self._status.heard(online=True, revoked=True, why=str(problem))
            return EVERY_REVOKED
        self._status.heard(online=False, revoked=self.revoked, why=str(problem))
        return self._patience.failed()

    def _keep(self, settings: dict[str, Any]) -> None:
        self._apply(settings)
        try:
            write_json(self._home.settings, settings)
        except OSError:
            # They hold all the same, until the next start.
            return

    def _apply(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        budget = settings.get("latency_budget_ms")
        self._changer.settings_budget = float(budget) if isinstance(budget, int | float) and budget > 0 else None
        self._on_settings(settings)
