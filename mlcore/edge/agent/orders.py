"""What a device shall run: read from a signed order, and refused unless it is this workspace's, for this device, and new."""

import json
from dataclasses import dataclass

from mlcore.edge.signature import SignatureProblem, unseal

PAYLOAD_TYPE = "application/vnd.edge-annotator.order+json"


class OrderProblem(Exception):
    """The order is not carried out; the message is a sentence that says why."""


@dataclass(frozen=True)
class Order:
    """Run this bundle: its ``number`` in the project, its zip's ``sha256`` (hex) and ``size`` in bytes.

    ``serial`` grows with each order to this device; ``version`` is the model's; ``budget_ms`` is the longest that half of
    the answers may take; only with ``rollback`` may the number be lower than the one that runs.
    """

    device: str
    serial: int
    number: int
    sha256: str
    size: int
    version: int | None = None
    rollback: bool = False
    budget_ms: float | None = None


def read_order(envelope: object, *, workspace_key: str, device: str) -> Order:
    """The order in a DSSE envelope that the workspace signed for ``device``. Raises OrderProblem.

    The signature is checked over the bytes that are then read, so nothing between the two can differ.
    """
    payload = _verified(envelope, workspace_key)
    try:
        row = json.loads(payload)
        bundle = row["bundle"]
        order = Order(
            device=str(row["device"]),
            serial=_whole(row["serial"]),
            number=_whole(bundle["number"]),
            sha256=_sha256(bundle["sha256"]),
            size=_whole(bundle["size"]),
            version=None if bundle.get("version") is None else _whole(bundle["version"]),
            rollback=row.get("rollback", False) is True,
            budget_ms=None if row.get("budget_ms") is None else float(row["budget_ms"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        raise OrderProblem(
            f"The order is not in a form that this runtime reads ({problem!r}); update the runtime."
        ) from problem
    if order.device != device:
        raise OrderProblem(f"The order is for the device {order.device}, this one is {device}; it was refused.")
    return order


def check_new(order: Order, *, serial: int) -> None:
    """Refuse an order that is not newer than the last one taken, of this ``serial``: a replay. Raises OrderProblem."""
    if order.serial <= serial:
        raise OrderProblem(f"An old order was refused: it is number {order.serial}, and number {serial} was taken already.")


def check_forward(order: Order, *, running: int | None) -> None:
    """Refuse an order that goes back behind the bundle of this number without saying so. Raises OrderProblem."""
    if running is not None and order.number < running and not order.rollback:
        raise OrderProblem(
            f"Bundle {order.number} is older than bundle {running}, which runs here, and nobody asked to roll back; refused."
        )


def _verified(envelope: object, workspace_key: str) -> bytes:
    if not isinstance(envelope, dict):
        raise OrderProblem("What the workspace sent is not an order; update the runtime.")
    try:
        return unseal(envelope, PAYLOAD_TYPE, workspace_key, what="the order")
    except SignatureProblem as problem:
        raise OrderProblem(
            f"The order is not one of the workspace that this device enrolled with, and was refused ({problem})"
        ) from problem


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is not a whole number")
    return value


def _sha256(value: object) -> str:
    if not isinstance(value, str) or len(value) != 64 or not set(value) <= set("0123456789abcdef"):
        raise ValueError(f"{value!r} is not a SHA-256")
    return value
