"""A share of the devices tries first: always the same ones, and the first that fails halts it."""

from __future__ import annotations

import uuid

import pytest

from annotator.delivery import rollout
from annotator.delivery.deploy import in_share
from annotator.delivery.models import Delivery, Deployment, Device
from annotator.projects.models import AuditEntry, Project, User
from tests.fleet.conftest import Enrolled, MakeBundle
from tests.fleet.small_device import Act
from tests.fleet.test_deploying import send, states

MANY = [Device(pk=uuid.UUID(int=number), name=str(number)) for number in range(1000)]


@pytest.mark.parametrize(("share", "count"), [(1, 10), (25, 250), (100, 1000)])
def test_a_share_has_its_size(share: int, count: int) -> None:
    assert len(in_share(MANY, 7, share)) == count


def test_one_tries_however_few_there_are() -> None:
    assert [len(in_share(MANY[:count], 7, 10)) for count in (1, 3, 19, 20)] == [1, 1, 1, 2]


def test_the_same_devices_are_in_it_each_time_and_in_every_larger_share() -> None:
    shuffled = MANY[::-1]
    ten, thirty = in_share(MANY, 7, 10), in_share(shuffled, 7, 30)
    assert in_share(shuffled, 7, 10) == ten
    assert set(ten) < set(thirty)


def test_another_bundle_is_tried_by_others() -> None:
    assert len(set(in_share(MANY, 7, 10)) & set(in_share(MANY, 8, 10))) < 40


def test_the_first_that_fails_halts_it(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, enrolled: Enrolled
) -> None:
    first, second = make_bundle(), make_bundle()
    fleet = [enrolled(f"gate {number}") for number in range(1, 5)]
    send(project, owner, first, act)
    for device in fleet:
        device.takes(first)
    deployment = send(project, owner, second, act, "share", share=75)
    chosen = [device for device in fleet if device.row.wanted == second]
    assert len(chosen) == 3
    chosen[0].takes(second)
    chosen[1].fails("It does not answer as it should.")
    state, deliveries = states(deployment)
    assert (state, sorted(deliveries.values())) == ("halted", ["failed", "running", "superseded"])
    deployment.refresh_from_db()
    assert deployment.why == f"{chosen[1].row.name}: It does not answer as it should."
    assert AuditEntry.objects.get(action="deployment.halted").detail["deployment"] == deployment.pk
    # The third is told to stay with what it runs, with an order that is newer than the one it may be at work on.
    order = chosen[2].order()
    assert order is not None and (order.number, order.rollback) == (1, True)
    chosen[2].takes(first)
    assert states(deployment)[1][chosen[2].row.name] == "superseded"


def test_a_share_of_a_group_stays_within_it(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, enrolled: Enrolled
) -> None:
    for number in range(4):
        enrolled(f"gate {number}", "gates")
    enrolled("hall")
    deployment = send(project, owner, make_bundle(), act, "share", share=50, group="gates")
    names = states(deployment)[1]
    assert len(names) == 2 and all(name.startswith("gate") for name in names)


def test_the_sweep_finishes_what_a_crash_left_half_done(
    project: Project, owner: User, act: Act, make_bundle: MakeBundle, enrolled: Enrolled
) -> None:
    enrolled("gate"), enrolled("hall")
    tried = send(project, owner, make_bundle(), act, "share", share=100)
    with act():
        # The reports were written down, and what follows them was not.
        tried.deliveries.filter(device__name="gate").update(state=Delivery.State.FAILED, why="It broke.")
        rollout.settle_forgotten()
    assert states(tried) == ("halted", {"gate": "failed", "hall": "superseded"})
    whole = send(project, owner, make_bundle(), act)
    with act():
        whole.deliveries.update(state=Delivery.State.RUNNING)
        rollout.settle_forgotten()
    assert Deployment.objects.get(pk=whole.pk).state == "done"
