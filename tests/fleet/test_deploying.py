"""A click becomes orders: signed, for one device each, ever newer; devices follow when they are there."""

from __future__ import annotations

from typing import Any

import pytest

from annotator.delivery import deployments
from annotator.delivery.deploy import cancel_deployment, deploy
from annotator.delivery.models import Bundle, Deployment
from annotator.delivery.revoke import revoke_device
from annotator.projects.errors import Conflict, Invalid, NotFound, NotReady
from annotator.projects.models import AuditEntry, Project, User
from annotator.projects.setup import create_project
from mlcore.edge.agent.orders import OrderProblem, read_order
from tests.fleet.conftest import Enrolled, MakeBundle, Told
from tests.fleet.small_device import Act, SmallDevice


def send(project: Project, user: User, bundle: Bundle, act: Act, target: str = "all", **options: Any) -> Deployment:
    with act():
        return deploy(project=project, user=user, bundle_id=bundle.pk, target=target, **options)


def states(deployment: Deployment) -> tuple[str, dict[str, str]]:
    """Of the deployment, and of its deliveries by the name of the device."""
    found = deployments.find_deployment(project=deployment.project, deployment_id=deployment.pk)
    return found.state, {one.device.name: one.state for one in found.deliveries.all()}


@pytest.fixture
def gate(enrolled: Enrolled) -> SmallDevice:
    return enrolled("gate", "doors")


@pytest.fixture
def hall(enrolled: Enrolled) -> SmallDevice:
    return enrolled("hall")


def test_a_device_follows_an_order_to_its_end(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice, told: Told
) -> None:
    bundle = make_bundle()
    deployment = send(project, owner, bundle, act)
    assert told("look") == [(f"device:{gate.id}", {})]
    order = gate.order()
    assert order is not None
    assert (order.number, order.sha256, order.size, order.version) == (1, bundle.sha256, bundle.size, 10)
    assert states(deployment) == ("rolling", {"gate": "waiting"})
    gate.serial = order.serial
    seen = []
    for state in ("downloading", "verifying", "trying"):
        gate.says(state, progress={"done": 2000, "total": 5000})
        seen.append((states(deployment)[1]["gate"], gate.row.state))
    assert seen == [("downloading",) * 2, ("verifying",) * 2, ("trying",) * 2]
    gate.takes(bundle)
    assert states(deployment) == ("done", {"gate": "running"})
    row = deployments.describe(deployments.find_deployment(project=project, deployment_id=deployment.pk))["deliveries"][0]
    assert (row["done"], row["total"], row["measured"]["p50_ms"]) == (5000, 5000, 7.0)
    assert row["started_at"] and row["finished_at"]
    running = gate.row
    assert (running.running, running.running_precision, running.running_on) == (bundle, "INT8", "CPU")
    # Pages heard each step of the way, as it happened.
    steps = [data["deliveries"][0]["state"] for _, data in told("deployment")]
    assert list(dict.fromkeys(steps)) == ["waiting", "downloading", "verifying", "trying", "running"]
    assert told("deployment")[-1][1]["state"] == "done"


def test_nobody_but_the_device_takes_its_order(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice, hall: SmallDevice
) -> None:
    send(project, owner, make_bundle(), act)
    gate.order()
    with pytest.raises(OrderProblem, match="is for the device"):
        read_order(gate.heard["order"], workspace_key=gate.workspace_key, device=hall.id)


def test_groups_and_names_choose(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice, hall: SmallDevice
) -> None:
    bundle = make_bundle()
    assert states(send(project, owner, bundle, act, "group", group="doors"))[1] == {"gate": "waiting"}
    assert states(send(project, owner, bundle, act, "devices", device_ids=[hall.row.pk]))[1] == {"hall": "waiting"}
    assert states(send(project, owner, bundle, act))[1] == {"gate": "waiting", "hall": "waiting"}


def test_a_device_that_was_off_gets_the_newest_and_nothing_else(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice
) -> None:
    first, second, third = (send(project, owner, make_bundle(), act) for _ in range(3))
    gate.takes(third.bundle)
    assert [states(one)[0] for one in (first, second, third)] == ["cancelled", "cancelled", "done"]
    assert states(first)[1] == {"gate": "superseded"}
    assert gate.serial == 3


def test_what_it_says_of_an_older_order_changes_nothing_of_the_newest(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice
) -> None:
    first = make_bundle()
    send(project, owner, first, act)
    gate.takes(first)
    second = send(project, owner, make_bundle(), act)
    gate.says("failed", why="The disk is full.")
    assert states(second) == ("rolling", {"gate": "waiting"})
    assert (gate.row.state, gate.row.why) == ("failed", "The disk is full.")


def test_a_failure_is_told_with_its_reason(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice, hall: SmallDevice
) -> None:
    bundle = make_bundle()
    deployment = send(project, owner, bundle, act)
    gate.fails("It takes 90 ms, and its budget is 50 ms.")
    assert states(deployment) == ("rolling", {"gate": "failed", "hall": "waiting"}), "each device stands for itself"
    hall.takes(bundle)
    assert states(deployment)[0] == "done"
    deployment.refresh_from_db()
    assert deployment.why == "1 of 2 devices failed. gate: It takes 90 ms, and its budget is 50 ms."


def test_when_all_fail_the_deployment_is_halted(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice
) -> None:
    deployment = send(project, owner, make_bundle(), act)
    gate.fails("Its signature is wrong.")
    deployment.refresh_from_db()
    assert (deployment.state, deployment.why) == ("halted", "gate: Its signature is wrong.")


def test_a_device_that_goes_back_by_itself_after_the_swap_has_failed(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice
) -> None:
    first, second = make_bundle(), make_bundle()
    send(project, owner, first, act)
    gate.takes(first)
    deployment = send(project, owner, second, act)
    gate.takes(second)
    assert states(deployment)[0] == "done"
    gate.runs = first
    gate.says("failed", why="3 of 20 answers were errors: it went back.")
    assert states(deployment) == ("halted", {"gate": "failed"})
    assert gate.row.running == first


def test_it_runs_already(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice
) -> None:
    bundle = make_bundle()
    send(project, owner, bundle, act)
    gate.takes(bundle)
    assert states(send(project, owner, bundle, act)) == ("done", {"gate": "running"})
    assert gate.row.order_serial == 1, "nothing new was ordered"


def test_an_older_bundle_needs_a_rollback(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice
) -> None:
    older, newer = make_bundle(), make_bundle()
    send(project, owner, newer, act)
    gate.takes(newer)
    with pytest.raises(Conflict, match="gate runs a newer bundle than 1"):
        send(project, owner, older, act)
    send(project, owner, older, act, rollback=True)
    order = gate.order()
    assert order is not None and order.rollback
    assert AuditEntry.objects.get(action="bundle.rolled_back").detail["devices"] == ["gate"]


def test_the_budget_of_the_deployment_goes_before_that_of_the_device(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice
) -> None:
    gate.row.__class__.objects.update(latency_budget_ms=30.0)
    for given, expected in ((None, 30.0), (12.5, 12.5)):
        send(project, owner, make_bundle(), act, budget_ms=given)
        order = gate.order()
        assert order is not None and order.budget_ms == expected


def test_after_a_backup_was_put_back_orders_are_newer_than_what_the_device_knows(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice
) -> None:
    gate.serial = 41
    gate.says("enrolled")
    bundle = make_bundle()
    deployment = send(project, owner, bundle, act)
    gate.takes(bundle)
    assert (gate.serial, states(deployment)[0]) == (42, "done")


def test_cancelled_a_deployment_takes_back_what_was_not_carried_out(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice, hall: SmallDevice
) -> None:
    first, second = make_bundle(), make_bundle()
    send(project, owner, first, act)
    gate.takes(first)
    deployment = send(project, owner, second, act)
    with act():
        cancel_deployment(deployment=deployment, user=owner)
    assert states(deployment) == ("cancelled", {"gate": "superseded", "hall": "superseded"})
    order = gate.order()
    assert order is not None
    assert (order.number, order.rollback, order.serial) == (1, True, 3), "it shall stay with what it runs"
    assert hall.order() is None


def test_a_revoked_device_is_left_out(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice, hall: SmallDevice
) -> None:
    bundle = make_bundle()
    deployment = send(project, owner, bundle, act)
    with act():
        revoke_device(device=gate.row, user=owner)
    assert states(deployment) == ("rolling", {"gate": "superseded", "hall": "waiting"})
    assert states(send(project, owner, bundle, act))[1] == {"hall": "waiting"}
    with pytest.raises(NotFound):
        send(project, owner, bundle, act, "devices", device_ids=[gate.row.pk])


def test_what_cannot_be_deployed_says_why(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle()
    with pytest.raises(Invalid, match="no device") as nobody:
        send(project, owner, bundle, act)
    assert nobody.value.field == "target"
    for options, field in (
        ({"target": "group"}, "group"), ({"target": "share"}, "share"), ({"target": "share", "share": 101}, "share"),
        ({"budget_ms": 0.0}, "budget_ms"),
    ):
        with pytest.raises(Invalid) as refused:
            send(project, owner, bundle, act, **options)
        assert refused.value.field == field
    with pytest.raises(NotReady):
        send(project, owner, make_bundle(Bundle.State.BUILDING), act)
    other = create_project(owner=owner, name="Glasses", classes=["a", "b"])
    with pytest.raises(NotFound):
        send(other, owner, bundle, act)
