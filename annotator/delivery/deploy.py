"""From a click to orders: which devices a deployment is for, what they ran before, and how it goes back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from annotator.delivery import devices, orders, rollout
from annotator.delivery.deployments import find_deployment
from annotator.delivery.models import Bundle, Delivery, Deployment, Device
from annotator.projects.access import note
from annotator.projects.errors import Conflict, Invalid, NotFound, NotReady
from annotator.projects.models import Project, User

State, Target = Deployment.State, Deployment.Target
CANCELLED = "The deployment was cancelled before this device took it."
SUPERSEDED = "A newer deployment took its place."
ALREADY = "It ran already."
NO_DEVICE = "There is no device for this: enrol one, or choose others."
NOTHING_OLDER = "This device ran no older bundle before: deploy the one that it should run."
NOTHING_BEFORE = "No device that runs this ran another bundle before it: deploy the one that they should run."


def deploy(
    *, project: Project, user: User | None, bundle_id: int, target: str, group: str = "", share: int | None = None,
    device_ids: Iterable[UUID] = (), rollback: bool = False, budget_ms: float | None = None,
) -> Deployment:
    """Order a bundle onto the devices of a target; those that are off take it when they are back.

    `share` is in percent of all devices, or of those of `group`. Raises NotFound, NotReady, Invalid (with its field), and
    Conflict when a device runs a newer bundle and `rollback` is not asked for.
    """
    bundle = _ready_bundle(project, bundle_id)
    if budget_ms is not None and budget_ms <= 0:
        raise Invalid("budget_ms must be above 0, or null for none.", field="budget_ms")
    group = devices.tidy(group)
    with transaction.atomic():
        chosen = _chosen(project, bundle, target, group, share, list(device_ids))
        newer = [one for one in chosen if one.running is not None and one.running.number > bundle.number]
        if newer and not rollback:
            raise Conflict(
                f"{newer[0].name} runs a newer bundle than {bundle.number}: ask for a rollback to go back.", field="rollback"
            )
        deployment = Deployment.objects.create(
            project=project, bundle=bundle, rollback=rollback, target=target, group=group, share=share, created_by=user,
            budget_ms=budget_ms,
        )
        rollout.close_deliveries(Delivery.objects.filter(device__in=chosen), why=SUPERSEDED)
        for device in chosen:
            _send(deployment, bundle, device)
        note(
            user=user, action="bundle.rolled_back" if rollback else "bundle.deployed", project=project, number=bundle.number,
            deployment=deployment.pk, target=target, devices=[device.name for device in chosen],
        )
        transaction.on_commit(partial(rollout.settle, deployment.pk))
    return find_deployment(project=project, deployment_id=deployment.pk)


def roll_back_device(*, device: Device, user: User) -> Deployment:
    """Order a device back to the newest older bundle that it ran. Raises Conflict when there is none."""
    if device.running is None:
        raise Conflict(NOTHING_OLDER)
    ran = Delivery.objects.filter(device=device, finished_at__isnull=False, state=Delivery.State.RUNNING)
    older = ran.filter(deployment__bundle__number__lt=device.running.number).order_by("-deployment__bundle__number")
    last = older.values_list("deployment__bundle", flat=True).first()
    if last is None:
        raise Conflict(NOTHING_OLDER)
    return deploy(
        project=device.project, user=user, bundle_id=last, target=Target.DEVICES, device_ids=[device.pk], rollback=True
    )


def roll_back_deployment(*, deployment: Deployment, user: User) -> list[Deployment]:
    """Order each device that runs what a deployment brought back to what it ran before: one deployment for each such bundle.

    What has not arrived yet is cancelled. Raises Conflict when there is nothing to go back to.
    """
    project, rolling = deployment.project, deployment.state == State.ROLLING
    if rolling:
        cancel_deployment(deployment=deployment, user=user)
    taken = deployment.deliveries.filter(device__running=deployment.bundle, device__revoked_at=None)
    back: dict[int, list[UUID]] = {}
    for device_id, bundle_id in taken.exclude(before=deployment.bundle).values_list("device", "before"):
        if bundle_id is not None:
            back.setdefault(bundle_id, []).append(device_id)
    if not back and not rolling:
        raise Conflict(NOTHING_BEFORE)
    return [
        deploy(project=project, user=user, bundle_id=bundle, target=Target.DEVICES, device_ids=ids, rollback=True)
        for bundle, ids in back.items()
    ]


def cancel_deployment(*, deployment: Deployment, user: User) -> Deployment:
    """Take back the orders of devices that have not carried them out. A deployment that is closed stays as it is."""
    with transaction.atomic():
        mine = Deployment.objects.select_for_update().filter(pk=deployment.pk, state=State.ROLLING).first()
        if mine is not None:
            rollout.end_early(deployment=mine, state=State.CANCELLED, why="Somebody cancelled it.", told=CANCELLED)
            note(user=user, action="deployment.cancelled", project=mine.project, deployment=mine.pk)
            transaction.on_commit(partial(rollout.settle, mine.pk))
    return find_deployment(project=deployment.project, deployment_id=deployment.pk)


def in_share(all_devices: Sequence[Device], bundle_id: int, share: int) -> list[Device]:
    """So many percent of the devices, at least one: for a bundle always the same, and a larger share holds a smaller one."""

    def place(device: Device) -> bytes:
        return hashlib.sha256(f"{device.pk}:{bundle_id}".encode()).digest()

    return sorted(all_devices, key=place)[: max(1, len(all_devices) * share // 100)]


def _ready_bundle(project: Project, bundle_id: int) -> Bundle:
    found = Bundle.objects.filter(project=project, pk=bundle_id).select_related("model_version")
    bundle = found.defer("model_version__weights").first()
    if bundle is None:
        raise NotFound("This project has no such bundle.", field="bundle")
    if bundle.state != Bundle.State.READY:
        raise NotReady(bundle.error or "This bundle is still being built: wait for its job to end.", field="bundle")
    return bundle


def _chosen(
    project: Project, bundle: Bundle, target: str, group: str, share: int | None, ids: Sequence[UUID]
) -> list[Device]:
    """The devices of a target, locked."""
    alive = Device.objects.select_for_update(of=("self",)).filter(project=project, revoked_at=None)
    alive = alive.select_related("running").order_by("pk")
    if target == Target.DEVICES:
        chosen = list(alive.filter(pk__in=ids))
        if len(chosen) < len(set(ids)):
            raise NotFound("This project has no such device, or it was revoked.", field="devices")
    elif target == Target.GROUP:
        if not group:
            raise Invalid("Name the group.", field="group")
        chosen = list(alive.filter(group=group))
    elif target == Target.SHARE:
        if share is None or not 1 <= share <= 100:
            raise Invalid("share must be from 1 to 100: percent of the devices.", field="share")
        found = list(alive.filter(group=group) if group else alive)
        chosen = in_share(found, bundle.pk, share) if found else []
    else:
        chosen = list(alive)
    if not chosen:
        raise Invalid(NO_DEVICE, field="target")
    return chosen


def _send(deployment: Deployment, bundle: Bundle, device: Device) -> None:
    """Order the bundle onto one device, unless it has just that already."""
    delivery = Delivery(deployment=deployment, device=device, total=bundle.size, before=device.running)
    if device.running_id == device.wanted_id == bundle.pk and device.state == Device.State.RUNNING:
        delivery.state, delivery.why, delivery.finished_at = Delivery.State.RUNNING, ALREADY, timezone.now()
        delivery.done = delivery.total
    else:
        delivery.serial = orders.give_deployed(device=device, deployment=deployment, bundle=bundle)
        devices.tell_changed(device)
    delivery.save()
