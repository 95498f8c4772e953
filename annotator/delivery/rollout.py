"""What becomes of a deployment: each report moves a delivery on, a trial that fails is halted, what is through is closed.

Rows are locked in one order everywhere: deployment, devices, deliveries. So a report, which holds its device, settles the
deployment in a transaction of its own, after its end.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from annotator.delivery import deployments, devices, orders
from annotator.delivery.models import Delivery, Deployment, Device
from annotator.projects.access import note

State = Deployment.State
HALTED = "The rollout was halted before this device took it."
NONE_TOOK_IT = "Every device was given something else before it took this."


def follow(*, device: Device, serial: int, state: str, why: str, measured: dict[str, Any]) -> None:
    """What a device's report makes of the delivery that it speaks of. `device` is locked, and as it has just reported.

    `serial` is that of the order it last took: a report made before it heard of the newest order changes nothing.
    """
    delivery = device.deliveries.select_related("deployment").filter(serial=serial).order_by("-pk").first()
    if delivery is None or delivery.state == Delivery.State.SUPERSEDED:
        return
    runs_it = device.running_id == delivery.deployment.bundle_id
    before = (delivery.state, delivery.done, delivery.total, delivery.why)
    if state == Device.State.RUNNING and runs_it:
        delivery.state, delivery.why = Delivery.State.RUNNING, ""
    elif state == Device.State.FAILED and (delivery.state in Delivery.OPEN or not runs_it):
        # Also after it ran: a device watches a new model for a while, and goes back by itself.
        delivery.state, delivery.why = Delivery.State.FAILED, why
    elif state in Delivery.OPEN and delivery.state in Delivery.OPEN:
        delivery.state, delivery.why = Delivery.State(state), why
        if state == Device.State.DOWNLOADING and device.progress_total:
            delivery.done, delivery.total = device.progress_done, device.progress_total
    now = timezone.now()
    if delivery.state == Delivery.State.RUNNING:
        delivery.done = delivery.total
    if (delivery.state, delivery.done, delivery.total, delivery.why) == before:
        return
    delivery.started_at = delivery.started_at or now
    if delivery.state not in Delivery.OPEN:
        delivery.finished_at = now
        delivery.measured = measured or delivery.measured
    delivery.save()
    transaction.on_commit(partial(settle, delivery.deployment_id))


def settle(deployment_id: int) -> None:
    """Bring a deployment's state in line with its deliveries, and tell the pages."""
    with transaction.atomic():
        deployment = Deployment.objects.select_for_update().filter(pk=deployment_id).first()
        if deployment is None:
            return
        if deployment.state in (State.ROLLING, State.DONE):
            _settle(deployment)
        transaction.on_commit(partial(deployments.tell, deployment_id))


def close_deliveries(deliveries: QuerySet[Delivery], *, why: str) -> None:
    """Those that are still open will not come about. The caller has their devices locked."""
    still = deliveries.filter(state__in=Delivery.OPEN)
    touched = list(still.order_by().values_list("deployment", flat=True).distinct())
    still.update(state=Delivery.State.SUPERSEDED, why=why, finished_at=timezone.now())
    for deployment_id in touched:
        transaction.on_commit(partial(settle, deployment_id))


def end_early(*, deployment: Deployment, state: str, why: str, told: str) -> None:
    """Close a deployment that the caller has locked, and take back the orders that its devices have not carried out."""
    deployment.state, deployment.why = state, why[:500]
    deployment.save(update_fields=["state", "why"])
    waiting = deployment.deliveries.filter(state__in=Delivery.OPEN)
    serials = dict(waiting.values_list("device", "serial"))
    mine = Device.objects.select_for_update(of=("self",)).filter(pk__in=list(serials), revoked_at=None).order_by("pk")
    for device in mine.select_related("running__model_version").defer("running__model_version__weights"):
        if device.order_serial == serials[device.pk]:
            orders.take_back(device=device)
            devices.tell_changed(device)
    waiting.update(state=Delivery.State.SUPERSEDED, why=told, finished_at=timezone.now())


def settle_forgotten() -> None:
    """Settle what a crash left open although nothing is on its way any more, or something failed. Called by the sweep."""
    rolling = Deployment.objects.filter(state=State.ROLLING)
    through = ~Q(deliveries__state__in=Delivery.OPEN)
    failed = Q(target=Deployment.Target.SHARE, deliveries__state=Delivery.State.FAILED)
    for deployment_id in rolling.filter(through | failed).order_by("pk").values_list("pk", flat=True).distinct():
        settle(deployment_id)


def _settle(deployment: Deployment) -> None:
    deliveries = list(deployment.deliveries.select_related("device").order_by("finished_at"))
    failed = [one for one in deliveries if one.state == Delivery.State.FAILED]
    ran = sum(one.state == Delivery.State.RUNNING for one in deliveries)
    is_open = any(one.state in Delivery.OPEN for one in deliveries)
    reason = f"{failed[0].device.name}: {failed[0].why}" if failed else ""
    if failed and (deployment.target == Deployment.Target.SHARE or not (ran or is_open)):
        end_early(deployment=deployment, state=State.HALTED, why=reason, told=HALTED)
        note(user=None, action="deployment.halted", project=deployment.project, deployment=deployment.pk, why=deployment.why)
    elif not is_open:
        deployment.state = State.DONE if ran else State.CANCELLED
        some = f"{len(failed)} of {len(deliveries)} devices failed. {reason}"
        deployment.why = (some if failed else "" if ran else NONE_TOOK_IT)[:500]
        deployment.save(update_fields=["state", "why"])
