"""A device that is enrolled after a deployment gets what that told the others to run, at its first request."""

from __future__ import annotations

from typing import Any

import pytest

from annotator.delivery.deploy import cancel_deployment, deploy, roll_back_deployment
from annotator.delivery.models import Bundle, Deployment
from annotator.delivery.revoke import revoke_device
from annotator.projects.models import Project, User
from tests.fleet.conftest import Enrolled, MakeBundle
from tests.fleet.small_device import Act, SmallDevice


@pytest.fixture
def gate(enrolled: Enrolled) -> SmallDevice:
    return enrolled("gate", "doors")


def sent(
    project: Project, owner: User, act: Act, bundle: Bundle, taken_by: SmallDevice | None = None, **options: Any
) -> Deployment:
    """A deployment that one device has carried out."""
    with act():
        deployment = deploy(project=project, user=owner, bundle_id=bundle.pk, **{"target": "all", **options})
    if taken_by is not None:
        order = taken_by.order()
        assert order is not None
        taken_by.serial = order.serial
        taken_by.takes(bundle)
    return deployment


def runs(device: SmallDevice) -> int | None:
    """The number of the bundle that it is told to run."""
    order = device.order()
    return None if order is None else order.number


def test_it_gets_what_all_were_told_and_is_one_more_delivery(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice, enrolled: Enrolled
) -> None:
    bundle = make_bundle()
    deployment = sent(project, owner, act, bundle, gate)
    late = enrolled("late")

    order = late.order()

    assert order is not None and (order.number, order.sha256) == (1, bundle.sha256)
    deployment.refresh_from_db()
    assert deployment.state == "rolling"
    late.serial = order.serial
    late.takes(bundle)
    deployment.refresh_from_db()
    assert deployment.state == "done"
    assert {one.device.name: one.state for one in deployment.deliveries.all()} == {"gate": "running", "late": "running"}


def test_a_deployment_to_a_group_is_for_newcomers_of_that_group(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice, enrolled: Enrolled
) -> None:
    sent(project, owner, act, make_bundle(), gate)
    sent(project, owner, act, make_bundle(), gate, target="group", group="doors")

    assert (runs(enrolled("side", "doors")), runs(enrolled("hall", "halls"))) == (2, 1)


def test_trials_and_deployments_to_some_by_name_are_for_those_alone(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice, enrolled: Enrolled
) -> None:
    sent(project, owner, act, make_bundle(), gate, target="share", share=100)
    sent(project, owner, act, make_bundle(), gate, target="devices", device_ids=[gate.row.pk])

    assert runs(enrolled("late")) is None


def test_what_was_gone_back_on_is_not_sent(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice, enrolled: Enrolled
) -> None:
    sent(project, owner, act, make_bundle(), gate)
    second = sent(project, owner, act, make_bundle(), gate)
    with act():
        roll_back_deployment(deployment=second, user=owner)

    assert runs(enrolled("late")) == 1


def test_what_was_cancelled_is_not_sent(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice, enrolled: Enrolled
) -> None:
    with act():
        cancel_deployment(deployment=sent(project, owner, act, make_bundle()), user=owner)

    assert runs(enrolled("late")) is None


def test_a_device_that_replaces_the_only_one_gets_what_that_ran(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, gate: SmallDevice, enrolled: Enrolled
) -> None:
    sent(project, owner, act, make_bundle(), gate)
    with act():
        revoke_device(device=gate.row, user=owner)

    assert runs(enrolled("gate", "doors")) == 1
