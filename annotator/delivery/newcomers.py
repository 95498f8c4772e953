"""A device that comes in after a deployment to all, or to its group, gets what that told the others to run."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.db.models import Q

from annotator.delivery import orders, rollout
from annotator.delivery.models import Delivery, Deployment, Device

State, Target = Deployment.State, Deployment.Target


def bring_up_to_date(device: Device) -> Deployment | None:
    """Order onto a device that has just come in what those of its kind run, as one more delivery of that deployment.

    The caller is in a transaction. Answers the deployment, or None where nothing stands: trials on a share and deployments
    to named devices are for those alone.
    """
    deployment = _standing(device)
    if deployment is None:
        return None
    bundle = deployment.bundle
    serial = orders.give_deployed(device=device, deployment=deployment, bundle=bundle)
    Delivery.objects.create(deployment=deployment, device=device, serial=serial, total=bundle.size)
    Deployment.objects.filter(pk=deployment.pk).update(state=State.ROLLING)
    transaction.on_commit(partial(rollout.settle, deployment.pk))
    return deployment


def _standing(device: Device) -> Deployment | None:
    """The newest deployment to all or to the device's group that was neither halted, cancelled nor gone back on."""
    mine = Q(target=Target.ALL)
    if device.group:
        mine |= Q(target=Target.GROUP, group=device.group)
    found = Deployment.objects.select_for_update(of=("self",)).filter(
        mine, project=device.project, state__in=(State.ROLLING, State.DONE)
    )
    for deployment in found.select_related("bundle__model_version").defer("bundle__model_version__weights").order_by("-pk"):
        others = Device.objects.filter(deliveries__deployment=deployment, revoked_at=None)
        # Where none of them is told to run it, or a newer one, somebody went back on it.
        if others.filter(wanted__number__gte=deployment.bundle.number).exists() or not others.exists():
            return deployment
    return None
