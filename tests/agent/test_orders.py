"""A device does what its own workspace orders it to do now, and nothing else."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mlcore.edge.agent.identity import public_pem
from mlcore.edge.agent.orders import PAYLOAD_TYPE, Order, OrderProblem, check_forward, check_new, read_order
from mlcore.signing import seal

KEY = ec.generate_private_key(ec.SECP256R1())
SHA = "ab" * 32
ROW = {
    "device": "one",
    "serial": 4,
    "bundle": {"number": 7, "sha256": SHA, "size": 1000, "version": 3},
    "rollback": False,
    "budget_ms": 25,
    "issued_at": "2026-11-23T00:00:00+00:00",
}


def read(envelope) -> Order:
    return read_order(envelope, workspace_key=public_pem(KEY), device="one")


def sealed(key=KEY, kind=PAYLOAD_TYPE, **changes):
    return seal(json.dumps({**ROW, **changes}).encode(), kind, key)


def test_an_order_is_read():
    assert read(sealed()) == Order("one", 4, 7, SHA, 1000, 3, False, 25.0)


def test_an_order_of_another_workspace_is_refused():
    with pytest.raises(OrderProblem, match="not one of the workspace"):
        read(sealed(ec.generate_private_key(ec.SECP256R1())))


def test_a_changed_order_is_refused():
    envelope = {**sealed(), "payload": sealed(serial=5)["payload"]}
    with pytest.raises(OrderProblem, match="wrong signature"):
        read(envelope)


def test_something_else_that_the_workspace_signed_is_no_order():
    with pytest.raises(OrderProblem, match="signed for another use"):
        read(sealed(kind="application/vnd.in-toto+json"))


def test_the_order_of_another_device_is_refused():
    with pytest.raises(OrderProblem, match="for the device two, this one is one"):
        read(sealed(device="two"))


@pytest.mark.parametrize("envelope", [None, [], {}, {"payload": 5}, "text"])
def test_what_is_no_order_is_refused(envelope):
    with pytest.raises(OrderProblem):
        read(envelope)


@pytest.mark.parametrize(
    "changes",
    [
        {"serial": -1},
        {"serial": True},
        {"bundle": {}},
        {"bundle": {**ROW["bundle"], "sha256": "../../etc/passwd"}},
        {"bundle": None},
        {"budget_ms": "soon"},
    ],
)
def test_an_order_in_another_form_is_refused(changes):
    with pytest.raises(OrderProblem, match="not in a form"):
        read(sealed(**changes))


@pytest.mark.parametrize("serial", [4, 5])
def test_an_order_that_is_not_newer_is_refused(serial):
    with pytest.raises(OrderProblem, match=f"number 4, and number {serial} was taken already"):
        check_new(read(sealed()), serial=serial)


def test_an_older_bundle_is_refused_unless_going_back_is_asked_for():
    with pytest.raises(OrderProblem, match="Bundle 7 is older than bundle 8"):
        check_forward(read(sealed()), running=8)
    check_forward(read(sealed(rollback=True)), running=8)
    check_forward(read(sealed()), running=7)
    check_forward(read(sealed()), running=None)
