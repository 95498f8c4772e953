"""What a device shall run, said in the workspace's name: signed, for this device alone, newer than all before."""

from __future__ import annotations

import json

from django.utils import timezone

from annotator.delivery.keys import signing_key
from annotator.delivery.models import Bundle, Deployment, Device
from mlcore.signing import seal

PAYLOAD_TYPE = "application/vnd.edge-annotator.order+json"


def give_order(*, device: Device, bundle: Bundle, rollback: bool, budget_ms: float | None) -> int:
    """Make this the device's newest order and answer its serial. The caller has the device's row locked.

    `bundle` needs its model version. With `rollback` the device takes it although it runs a newer one; `budget_ms` is the
    longest that half of the answers may take.
    """
    device.order_serial += 1
    order = {
        "device": str(device.pk),
        "serial": device.order_serial,
        "bundle": {
            "number": bundle.number, "sha256": bundle.sha256, "size": bundle.size, "version": bundle.model_version.number,
        },
        "rollback": rollback,
        "budget_ms": budget_ms,
        "issued_at": timezone.now().isoformat(),
    }
    device.order = seal(json.dumps(order, sort_keys=True).encode(), PAYLOAD_TYPE, signing_key())
    device.wanted = bundle
    device.save(update_fields=["order", "order_serial", "wanted"])
    return device.order_serial


def give_deployed(*, device: Device, deployment: Deployment, bundle: Bundle) -> int:
    """The same with what a deployment brings: where it names no budget, the device's own counts."""
    budget = device.latency_budget_ms if deployment.budget_ms is None else deployment.budget_ms
    return give_order(device=device, bundle=bundle, rollback=deployment.rollback, budget_ms=budget)


def take_back(*, device: Device) -> None:
    """Withdraw the newest order: the device shall stay with what it runs. The caller has the device's row locked."""
    if device.running is not None:
        give_order(device=device, bundle=device.running, rollback=True, budget_ms=None)
    else:
        device.order, device.wanted = None, None
        device.save(update_fields=["order", "wanted"])
