"""A device in this process, without its sync loop: orders are handed to it."""

import time

from mlcore.edge.agent.changer import Changer, Choice
from mlcore.edge.agent.status import Status
from mlcore.edge.agent.versions import Versions
from mlcore.edge.station import Station
from tests.export.tiny import jpeg

RED = jpeg("red")
SOON = 60.0


class Device:
    """What a device is between its disk and its station; `begun` are the numbers of the bundles that began to serve."""

    def __init__(self, home, link, workspace, watch_seconds=60.0):
        self.home, self.link, self.workspace = home, link, workspace
        self.watch_seconds = watch_seconds
        self.begun: list[int] = []
        self.start()

    def start(self):
        """Begin as after a boot: what ran before serves again."""
        self.versions = Versions(self.home)
        self.station = Station()
        self.status = Status(self.home.status)
        self.changer = Changer(
            versions=self.versions,
            station=self.station,
            status=self.status,
            link=self.link,
            choice=Choice(device="CPU"),
            on_model=lambda model: self.begun.append(model.number),
            watch_seconds=self.watch_seconds,
        )
        self.changer.serve_first()

    def end(self):
        self.changer.stop()
        if self.changer.is_alive():
            self.changer.join()

    def order(self, number, **changes):
        """Order a bundle, and wait until it is settled."""
        self.changer.offer(self.workspace.give_order(self.link.identity.workspace.device, number, **changes))
        return self.settle()

    def settle(self):
        if not self.changer.is_alive():
            self.changer.start()
        self.wait(lambda: not self.versions.state.pending and self.report()["state"] in ("running", "failed", "enrolled"))
        return self.report()

    def wait(self, so):
        end = time.monotonic() + SOON
        while not so():
            assert time.monotonic() < end, self.report()
            time.sleep(0.01)

    def report(self):
        return self.status.report(self.versions.state)

    @property
    def serves(self):
        """The number of the bundle that answers, asked by a picture."""
        assert self.station.answer(RED).predictions[0].label == "red"
        return self.station.model.number
