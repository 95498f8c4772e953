"""From one version to the next: fetch, verify, try, let it serve, watch it, go back. The old one serves all the while."""

import contextlib
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass

from mlcore.edge import signature
from mlcore.edge.agent.download import DownloadProblem, Stopped, disk_sentence, fetch_zip
from mlcore.edge.agent.link import Link, LinkProblem
from mlcore.edge.agent.orders import Order, OrderProblem, check_forward, check_new, read_order
from mlcore.edge.agent.prove import TrialFailed, prove
from mlcore.edge.agent.status import Status
from mlcore.edge.agent.takeover import FIRST_MINUTE, FirstMinute
from mlcore.edge.agent.trial import black_picture
from mlcore.edge.agent.unpack import unpack_zip
from mlcore.edge.agent.versions import Version, Versions
from mlcore.edge.manifest import BundleProblem
from mlcore.edge.preprocess import UnreadableImage
from mlcore.edge.runtime import InferenceFailed, Model
from mlcore.edge.station import Station

# A bundle that ended its trial, or the whole agent, so often is not tried again.
MOST_TRIALS = 3

# A version that saw so many starts of the agent in its first minute is taken for their reason.
MOST_STARTS = 3

# Seconds between two looks at what may have to be done.
_TICK = 1.0


@dataclass(frozen=True)
class Choice:
    """What the person at the device asked for: ``precision`` (None: the bundle's own pick) and OpenVINO's ``device``."""

    precision: str | None = None
    device: str = "AUTO"


class Changer(threading.Thread):
    """Carries out orders, one after the other; a newer one ends what is under way for an older one.

    ``on_model`` is called with each model that begins to serve. Whatever goes wrong ends in a state with a sentence, and in
    a model that serves if there is one.
    """

    def __init__(
        self,
        *,
        versions: Versions,
        station: Station,
        status: Status,
        link: Link,
        choice: Choice = Choice(),
        on_model: Callable[[Model], None] = lambda model: None,
        watch_seconds: float = FIRST_MINUTE,
    ) -> None:
        super().__init__(name="changer", daemon=True)
        self.settings_budget: float | None = None
        self._versions = versions
        self._station = station
        self._status = status
        self._link = link
        self._choice = choice
        self._on_model = on_model
        self._watch_seconds = watch_seconds
        self._first_minute: FirstMinute | None = None
        self._wake = threading.Event()
        self._stopped = threading.Event()

    # -- called by others ------------------------------------------------------------------------------------------

    def serve_first(self) -> None:
        """Let what ran before serve again, before anything else is done; to be called once, before the thread starts."""
        versions, state = self._versions, self._versions.state
        starts = versions.started()
        if starts is not None and starts >= MOST_STARTS and state.running and state.previous:
            why = f"Bundle {state.running.number} was taken back: the agent ended {starts} times in its first minute."
            versions.went_back(why, outcome="failed")
        while (running := versions.state.running) is not None:
            try:
                self._serve(self._load(running.sha256))
            except (BundleProblem, InferenceFailed, UnreadableImage) as problem:
                why = f"Bundle {running.number} cannot be loaded any more: {problem}"
                order = versions.state.order
                again = order is not None and order.sha256 == running.sha256
                versions.went_back(why, outcome="pending" if again else "failed")
                shutil.rmtree(versions.folder(running.sha256), ignore_errors=True)
                continue
            break
        versions.prune()
        if versions.state.starts is not None:
            self._begin_watch()

    def offer(self, envelope: object) -> None:
        """Hear the workspace's newest order, taken already or not; refuse it, with a reason, or let it be carried out.

        One that is not for us, or not new, is as if it had not come; one that must not be carried out is taken as failed.
        None means that there is none any more: what was not done yet is left.
        """
        try:
            if envelope is None:
                self._status.refused("")
                if self._versions.state.pending:
                    self._versions.settle(self._versions.state.pending, "undone")
                    self._wake.set()
                return
            workspace = self._link.workspace
            order = read_order(envelope, workspace_key=workspace.workspace_key, device=workspace.device)
            if order != self._versions.state.order:
                check_new(order, serial=self._versions.state.serial)
                self._versions.take(order)
                self._wake.set()
        except OrderProblem as problem:
            self._status.refused(str(problem))
            return
        except OSError as problem:
            self._status.trouble(disk_sentence(problem, self._versions.home.state))
            return
        self._status.refused("")

    def stop(self) -> None:
        """End soon: a download is left where it is, a trial is ended."""
        self._stopped.set()
        self._wake.set()

    # -- the thread ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Do what there is to do until stopped."""
        try:
            while not self._stopped.is_set():
                self._tick()
                order = self._versions.state.pending
                if order is not None:
                    self._carry_out(order)
                else:
                    self._wake.wait(_TICK)
                self._wake.clear()
        finally:
            if not self._stopped.is_set():
                # Python prints what went wrong; the model serves on, and the page shows that somebody has to look.
                self._status.trouble("An error of this runtime keeps it from carrying out orders; its log says which.")

    def _carry_out(self, order: Order) -> None:
        versions, status = self._versions, self._status
        running = versions.state.running
        try:
            if running and running.sha256 == order.sha256 and self._station.model:
                versions.settle(order, "done")
                return
            try:
                same_project = running and running.device == order.device
                check_forward(order, running=running.number if running and same_project else None)
                self._bring(order)
                self._try_and_serve(order)
            except Stopped:
                versions.call_off(order)
            except (DownloadProblem, OrderProblem) as problem:
                versions.settle(order, "failed", str(problem))
            except LinkProblem as problem:
                versions.settle(order, "failed", f"Bundle {order.number} cannot be fetched: {problem}")
            except (BundleProblem, TrialFailed, InferenceFailed, UnreadableImage) as problem:
                versions.settle(order, "failed", f"Bundle {order.number} was refused: {problem}")
            except OSError as problem:
                versions.settle(order, "failed", disk_sentence(problem, versions.home.state))
            versions.prune()
            status.trouble("")
        except OSError as problem:
            # Not even the outcome can be written: it is told, and the order is taken up again later.
            status.trouble(disk_sentence(problem, versions.home.state))
            self._stopped.wait(_TICK)
        finally:
            status.step("")

    def _bring(self, order: Order) -> None:
        """See to it that the bundle lies unpacked on the disk, as the workspace signed it."""
        versions, status = self._versions, self._status
        folder, part = versions.folder(order.sha256), versions.part(order.sha256)
        key = self._link.workspace.workspace_key
        if folder.exists():
            status.step("verifying")
            with contextlib.suppress(signature.SignatureProblem):
                signature.verify(folder, key, others_allowed=True)
                return
            shutil.rmtree(folder)
        status.step("downloading")
        fetch_zip(
            link=self._link,
            order=order,
            path=part,
            tell=lambda done, why: status.progress(done, order.size, why),
            wait=lambda seconds: self._wait(seconds, order),
        )
        status.step("verifying")
        unpack_zip(part, folder)
        part.unlink()
        signature.verify(folder, key)

    def _try_and_serve(self, order: Order) -> None:
        versions, status = self._versions, self._status
        folder = versions.folder(order.sha256)
        status.step("trying")
        if versions.state.attempts >= MOST_TRIALS:
            raise TrialFailed(f"it ended its trial or the whole agent {MOST_TRIALS} times")
        versions.begin_trial()
        measured = prove(
            folder,
            precision=self._choice.precision,
            device=self._choice.device,
            budget_ms=self._budget(order),
            wait=lambda seconds: self._wait(seconds, order),
        )
        status.measured(measured)
        model = self._load(order.sha256)
        self._end_watch()
        before = self._station.model
        self._serve(model)
        version = Version(order.sha256, order.number, order.version, model.precision, model.runs_on, order.device)
        try:
            versions.took_over(version, order)
        except OSError:
            if before is not None:
                self._serve(before)
            raise
        self._begin_watch()

    # -- the first minute, and the way back --------------------------------------------------------------------------

    def _tick(self) -> None:
        """What must not wait for a download: the watch on the new version, and a wish from the person at the device."""
        try:
            wish = self._versions.home.rollback_wish
            if wish.exists():
                wish.unlink()
                self._go_back("Rolled back at the device.", outcome="undone")
            watch = self._first_minute
            if watch is None:
                return
            fault = watch.fault()
            running = self._versions.state.running
            if fault and running:
                self._end_watch()
                self._go_back(f"Bundle {running.number} was taken back in its first minute: {fault}.", outcome="failed")
            elif watch.over:
                self._end_watch()
                self._versions.proven()
        except OSError as problem:
            self._status.trouble(disk_sentence(problem, self._versions.home.state))

    def _go_back(self, why: str, *, outcome: str) -> None:
        previous = self._versions.state.previous
        if previous is None:
            self._status.trouble(f"{why} There is no version before to go back to, so it serves on.")
            return
        try:
            model = self._load(previous.sha256)
        except (BundleProblem, InferenceFailed, UnreadableImage) as problem:
            self._status.trouble(f"{why} The version before cannot be loaded ({problem}), so it serves on.")
            return
        self._end_watch()
        self._serve(model)
        self._versions.went_back(why, outcome=outcome)
        self._versions.prune()
        self._status.changed()

    def _begin_watch(self) -> None:
        model, order = self._station.model, self._versions.state.order
        if model is not None:
            self._first_minute = FirstMinute(
                self._station,
                number=model.number,
                budget_ms=self._budget(order) if order else self.settings_budget,
                seconds=self._watch_seconds,
            )

    def _end_watch(self) -> None:
        if self._first_minute is not None:
            self._first_minute.end()
            self._first_minute = None

    # -- small things ------------------------------------------------------------------------------------------------

    def _load(self, sha256: str) -> Model:
        """A model that has answered once, so that the first picture does not wait. Raises BundleProblem."""
        folder = self._versions.folder(sha256)
        signature.verify(folder, self._link.workspace.workspace_key, others_allowed=True)
        model = Model(folder, self._choice.precision, self._choice.device)
        model.infer(black_picture(model))
        return model

    def _serve(self, model: Model) -> None:
        self._station.swap(model)
        self._on_model(model)

    def _budget(self, order: Order) -> float | None:
        return order.budget_ms if order.budget_ms is not None else self.settings_budget

    def _wait(self, seconds: float, order: Order) -> bool:
        """Sleep; True when the agent ends or another order has come, so that this one need not go on."""
        if seconds:
            self._wake.wait(seconds)
        self._tick()
        return self._stopped.is_set() or self._versions.state.order != order or not self._versions.state.pending
