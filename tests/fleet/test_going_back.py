"""One click takes a device, or a whole deployment, back to what ran before."""

from __future__ import annotations

import pytest

from annotator.delivery.deploy import roll_back_deployment, roll_back_device
from annotator.delivery.models import Bundle
from annotator.projects.errors import Conflict
from annotator.projects.models import Project, User
from tests.fleet.conftest import Enrolled, MakeBundle
from tests.fleet.small_device import Act, SmallDevice
from tests.fleet.test_deploying import send, states


@pytest.fixture
def bundles(make_bundle: MakeBundle) -> list[Bundle]:
    return [make_bundle() for _ in range(3)]


@pytest.fixture
def gate(enrolled: Enrolled, bundles: list[Bundle], project: Project, owner: User, act: Act) -> SmallDevice:
    """It has run bundle 1, then 2, then 3."""
    device = enrolled("gate")
    for bundle in bundles:
        send(project, owner, bundle, act)
        device.takes(bundle)
    return device


def test_a_device_goes_back_step_by_step(gate: SmallDevice, bundles: list[Bundle], owner: User, act: Act) -> None:
    for expected in (bundles[1], bundles[0]):
        with act():
            deployment = roll_back_device(device=gate.row, user=owner)
        assert (deployment.bundle, deployment.rollback) == (expected, True)
        order = gate.order()
        assert order is not None and order.rollback
        gate.takes(expected)
        assert states(deployment) == ("done", {"gate": "running"})
    with pytest.raises(Conflict, match="no older bundle"):
        roll_back_device(device=gate.row, user=owner)


def test_a_bundle_that_it_failed_at_is_not_gone_back_to(
    gate: SmallDevice, bundles: list[Bundle], make_bundle: MakeBundle, project: Project, owner: User, act: Act
) -> None:
    send(project, owner, make_bundle(), act)
    gate.fails("It is too slow.")
    fifth = make_bundle()
    send(project, owner, fifth, act)
    gate.takes(fifth)
    with act():
        assert roll_back_device(device=gate.row, user=owner).bundle == bundles[2]


def test_a_device_that_runs_nothing_has_nothing_to_go_back_to(enrolled: Enrolled, owner: User) -> None:
    with pytest.raises(Conflict):
        roll_back_device(device=enrolled("new").row, user=owner)


def test_a_deployment_goes_back_to_what_each_device_ran(
    gate: SmallDevice, bundles: list[Bundle], enrolled: Enrolled, make_bundle: MakeBundle, project: Project, owner: User,
    act: Act,
) -> None:
    hall, new, off = enrolled("hall"), enrolled("new"), enrolled("off")
    send(project, owner, bundles[0], act, "devices", device_ids=[hall.row.pk])
    hall.takes(bundles[0])
    fourth = make_bundle()
    deployment = send(project, owner, fourth, act)
    for device in (gate, hall, new):
        device.takes(fourth)
    with act():
        made = roll_back_deployment(deployment=deployment, user=owner)
    back = {one.bundle.number: states(one)[1] for one in made}
    assert back == {3: {"gate": "waiting"}, 1: {"hall": "waiting"}}, "what had nothing before keeps what it has"
    assert states(deployment) == (
        "cancelled", {"gate": "running", "hall": "running", "new": "running", "off": "superseded"}
    )
    assert off.order() is None


def test_a_deployment_with_nothing_before_it_says_so(
    enrolled: Enrolled, make_bundle: MakeBundle, project: Project, owner: User, act: Act
) -> None:
    device, bundle = enrolled("gate"), make_bundle()
    deployment = send(project, owner, bundle, act)
    device.takes(bundle)
    deployment.refresh_from_db()
    with pytest.raises(Conflict, match="another bundle before"):
        roll_back_deployment(deployment=deployment, user=owner)
