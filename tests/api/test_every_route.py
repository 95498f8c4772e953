"""Every route, every role, every foreign object: made from the URL table, so no route can be forgotten."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.test.client import MULTIPART_CONTENT

from annotator.delivery.models import Alert, Bundle, Delivery, Deployment, Device
from annotator.images.ingest import ingest_image, open_batch
from annotator.images.models import Import
from annotator.jobs.models import Job
from annotator.learning.models import Challenger, FeatureSpace, ModelVersion
from annotator.projects.models import Membership, Project, User
from annotator.projects.setup import create_project
from annotator.projects.tokens import make_token
from tests.api.people import make_user
from tests.api.routes import ANYONE, CREATOR, DEVICE, LABELLING, NEWCOMER, OWNER, RANK, WHO, Route, all_routes
from tests.images.pictures import encoded, picture

ROUTES = all_routes()
PROJECT_ROUTES = [route for route in ROUTES if route.in_a_project]
FOR_PEOPLE = [route for route in ROUTES if route.for_people]
NESTED = [route for route in PROJECT_ROUTES if route.path.count("<") > 1]
REFUSED = {401, 403, 404}


def test_somebody_has_thought_about_who_may_use_each_route() -> None:
    assert {str(route) for route in ROUTES} == set(WHO)


def filled_project(owner: User) -> dict[str, Any]:
    """A project with one of everything, and the ids of all that."""
    project = create_project(owner=owner, name="Cups", classes=["cup"])
    batch = open_batch(project=project, source=Import.Source.UPLOAD, user=owner)
    image = ingest_image(project=project, batch=batch, name="1.jpg", data=encoded(picture(project.pk))).image
    assert image is not None
    guest = make_user(f"guest{project.pk}")
    member = Membership.objects.create(project=project, user=guest, role=Membership.Role.VIEWER)
    job = Job.objects.create(project=project, kind=Job.Kind.EXPORT, created_by=owner)
    space = FeatureSpace.objects.create(
        project=project, number=1, backbone="lite0", fingerprint="x", fitted_on=1, weights=b""
    )
    model = ModelVersion.objects.create(
        project=project, number=1, space=space, head="blend", strategy="auto", classes=[], annotations_seen=0,
        annotations_hash="0" * 64, label_count=0,
    )
    bundle = Bundle.objects.create(project=project, number=1, model_version=model)
    challenger = Challenger.objects.create(project=project, backbone="lite1")
    device = Device.objects.create(project=project, name="gate", fingerprint=f"{project.pk:064x}")
    deployment = Deployment.objects.create(project=project, bundle=bundle, target=Deployment.Target.ALL, created_by=owner)
    Delivery.objects.create(deployment=deployment, device=device)
    alert = Alert.objects.create(device=device, kind=Alert.Kind.OFFLINE, text="It is off.")
    token, _ = make_token(user=owner, name="script", scopes=["read"])
    return {
        "project_id": project.pk, "image_id": image.pk, "label_id": project.labels.get().pk, "member_id": member.pk,
        "import_id": batch.pk, "job_id": job.pk, "bundle_id": bundle.pk, "token_id": token.pk, "name": "digits",
        "challenger_id": challenger.pk, "device_id": device.pk, "deployment_id": deployment.pk, "alert_id": alert.pk,
        "number": bundle.number,
    }


@pytest.fixture
def mine(owner: User) -> dict[str, Any]:
    return filled_project(owner)


@pytest.fixture
def theirs(db: None) -> dict[str, Any]:
    return filled_project(make_user("eve", may_create=True))


def send(client: Client, route: Route, address: str, **headers: str) -> int:
    """The status of a request with an empty body: who may not get in is refused before anybody looks at that."""
    kind = MULTIPART_CONTENT if route.path.endswith("/files") else "application/json"
    data: Any = {} if route.method in {"GET", "DELETE"} or kind == MULTIPART_CONTENT else "{}"
    response = client.generic(route.method, address, data if isinstance(data, str) else "", kind, headers=headers)
    if response.status_code >= 400:
        answer = response.json()["error"]
        assert set(answer) == {"code", "message", "field"}
        assert answer["message"].endswith((".", "!", "?"))
    return response.status_code


def speaking_for(role: str, project_id: int) -> Client:
    """A browser of somebody with that role in the project."""
    client = Client()
    if role != "nobody":
        user = make_user(f"{role.replace(' ', '-')}-x")
        if role in RANK:
            Membership.objects.create(project_id=project_id, user=user, role=role)
        client.force_login(user)
    return client


@pytest.mark.parametrize("role", ["nobody", "stranger", *RANK])
@pytest.mark.parametrize("route", PROJECT_ROUTES, ids=str)
def test_a_role_gets_in_where_it_may_and_nowhere_else(route: Route, role: str, mine: dict[str, Any]) -> None:
    status = send(speaking_for(role, mine["project_id"]), route, route.address(mine))
    if role == "nobody":
        assert status == 401
    elif role == "stranger":
        assert status == 404, "a stranger does not even learn that it is there"
    elif RANK[role] < RANK[route.who]:
        assert status == 403
    else:
        # A bundle that is being built cannot be downloaded: refused, but not for the role.
        assert status not in {401, 403, 405, 500}
        assert status != 404 or route.path.endswith("/download")


@pytest.mark.parametrize("route", [route for route in ROUTES if not route.in_a_project], ids=str)
def test_outside_of_projects_one_must_be_signed_in(route: Route, mine: dict[str, Any]) -> None:
    status = send(Client(), route, route.address(mine))
    if route.who in {ANYONE, NEWCOMER}:
        assert status not in {401, 405, 500}
    else:
        assert status == 401


@pytest.mark.parametrize("route", [route for route in ROUTES if route.who == CREATOR], ids=str)
def test_only_some_may_create_projects(route: Route, mine: dict[str, Any]) -> None:
    before = Project.objects.count()
    assert send(speaking_for("plain", 0), route, route.address(mine)) == 403
    assert Project.objects.count() == before


@pytest.mark.parametrize("route", NESTED, ids=str)
def test_an_object_of_another_project_is_not_found(
    route: Route, owner: User, mine: dict[str, Any], theirs: dict[str, Any]
) -> None:
    client = Client()
    client.force_login(owner)
    foreign = theirs | {"project_id": mine["project_id"]}
    assert send(client, route, route.address(foreign)) == 404


@pytest.mark.parametrize("route", PROJECT_ROUTES, ids=str)
def test_another_persons_project_is_not_found_and_not_changed(
    route: Route, owner: User, mine: dict[str, Any], theirs: dict[str, Any]
) -> None:
    client = Client()
    client.force_login(owner)
    assert send(client, route, route.address(theirs)) == 404
    assert Project.objects.filter(pk=theirs["project_id"], archived_at=None).exists()


@pytest.mark.parametrize("route", PROJECT_ROUTES, ids=str)
def test_a_project_that_was_put_away_is_not_found(route: Route, owner: User, mine: dict[str, Any]) -> None:
    from django.utils import timezone

    Project.objects.filter(pk=mine["project_id"]).update(archived_at=timezone.now())
    client = Client()
    client.force_login(owner)
    assert send(client, route, route.address(mine)) == 404


@pytest.mark.parametrize("route", [route for route in FOR_PEOPLE if route.who != ANYONE], ids=str)
def test_a_token_does_only_what_it_was_made_for(route: Route, owner: User, mine: dict[str, Any]) -> None:
    reads = route.method == "GET"
    for scopes in (["read"], ["label"], ["manage"]):
        _, secret = make_token(user=owner, name="x", scopes=scopes)
        allowed = (
            scopes == ["read"] if reads else scopes == ["label"] if str(route) in LABELLING else scopes == ["manage"]
        )
        status = send(Client(), route, route.address(mine), Authorization=f"Bearer {secret}")
        if not allowed:
            assert status == 403, scopes
        elif route.path.startswith("tokens") and not reads:
            assert status == 403, "a token neither makes tokens nor revokes them"
        else:
            assert status not in {401, 403}, scopes


@pytest.mark.parametrize("route", [route for route in FOR_PEOPLE if route.method != "GET"], ids=str)
def test_a_browser_needs_the_csrf_token_for_every_write(route: Route, owner: User, mine: dict[str, Any]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert send(client, route, route.address(mine)) == 403


@pytest.mark.parametrize("route", [route for route in FOR_PEOPLE if route.who != ANYONE], ids=str)
def test_a_wrong_token_is_told_even_beside_a_session(route: Route, owner: User, mine: dict[str, Any]) -> None:
    client = Client()
    client.force_login(owner)
    assert send(client, route, route.address(mine), Authorization="Bearer ea_wrong") == 401


@pytest.mark.parametrize("route", [route for route in ROUTES if route.who == DEVICE], ids=str)
def test_what_people_have_opens_no_route_of_devices(route: Route, owner: User, mine: dict[str, Any]) -> None:
    client = Client()
    client.force_login(owner)
    _, secret = make_token(user=owner, name="x", scopes=["read", "label", "manage"])
    assert send(client, route, route.address(mine)) == 401
    assert send(Client(), route, route.address(mine), Authorization=f"Bearer {secret}") == 401


@pytest.mark.parametrize("route", NESTED, ids=str)
def test_ids_that_no_database_can_hold_are_only_not_found(route: Route, owner: User, mine: dict[str, Any]) -> None:
    client = Client()
    client.force_login(owner)
    huge = {name: 10**30 if isinstance(value, int) and name != "project_id" else value for name, value in mine.items()}
    if route.address(huge) != route.address(mine):
        assert send(client, route, route.address(huge)) == 404


def test_the_owner_is_the_highest_role() -> None:
    assert max(RANK, key=RANK.__getitem__) == OWNER
