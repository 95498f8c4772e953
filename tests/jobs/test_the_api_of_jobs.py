"""Jobs, the dashboard and the machine, over HTTP."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client
from redis import Redis

from annotator import __version__
from annotator.images.ingest import ingest_image, open_batch
from annotator.jobs.models import Job
from annotator.jobs.progress import claim, running, start_job
from annotator.labelling.annotate import annotate
from annotator.projects.models import Membership, Project, User
from annotator.projects.setup import create_project
from tests.images.pictures import encoded, picture


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def as_owner(owner: User) -> Client:
    return browser(owner)


@pytest.fixture
def anna(project: Project) -> User:
    """An annotator."""
    user = User.objects.create(username="anna", first_name="Anna", last_name="Ant")
    Membership.objects.create(project=project, user=user, role=Membership.Role.ANNOTATOR)
    return user


def post(client: Client, path: str) -> tuple[int, dict[str, object]]:
    answer = client.post(path, content_type="application/json")
    return answer.status_code, answer.json()


def test_jobs_are_listed_newest_first(project: Project, as_owner: Client) -> None:
    first = start_job(project=project, kind=Job.Kind.EXPORT)
    second = start_job(project=project, kind=Job.Kind.FEATURES, message="Computing features")

    rows = as_owner.get(f"/api/projects/{project.pk}/jobs").json()

    assert [row["id"] for row in rows] == [str(second.pk), str(first.pk)]
    assert rows[0]["message"] == "Computing features"


def test_a_job_has_a_log(project: Project, as_owner: Client) -> None:
    job = claim(str(start_job(project=project, kind=Job.Kind.EXPORT).pk))
    assert job is not None
    with running(job) as run:
        run.log("so far, so good")

    answer = as_owner.get(f"/api/projects/{project.pk}/jobs/{job.pk}/log")

    assert "so far, so good" in answer.json()["log"]


def test_an_owner_cancels_any_job(project: Project, as_owner: Client) -> None:
    job = start_job(project=project, kind=Job.Kind.EXPORT)

    status, row = post(as_owner, f"/api/projects/{project.pk}/jobs/{job.pk}/cancel")

    assert (status, row["state"]) == (200, "cancelled")


def test_an_annotator_cancels_only_their_own(project: Project, anna: User, owner: User) -> None:
    theirs = start_job(project=project, kind=Job.Kind.EXPORT, user=owner)
    own = start_job(project=project, kind=Job.Kind.IMPORT, user=anna)

    assert post(browser(anna), f"/api/projects/{project.pk}/jobs/{theirs.pk}/cancel")[0] == 403
    assert post(browser(anna), f"/api/projects/{project.pk}/jobs/{own.pk}/cancel")[1]["state"] == "cancelled"


def test_a_job_is_not_found_in_another_project(project: Project, owner: User, as_owner: Client) -> None:
    job = start_job(project=project, kind=Job.Kind.EXPORT)
    other = create_project(owner=owner, name="Other")

    assert as_owner.get(f"/api/projects/{other.pk}/jobs/{job.pk}").status_code == 404
    assert as_owner.get(f"/api/projects/{project.pk}/jobs/{uuid4()}").status_code == 404


def test_features_can_be_asked_for_again_after_a_cancel(project: Project, owner: User, as_owner: Client) -> None:
    batch = open_batch(project=project, source="api", user=owner)
    ingest_image(project=project, batch=batch, name="a.jpg", data=encoded(picture(1)))

    status = as_owner.post(f"/api/projects/{project.pk}/features", content_type="application/json").status_code

    assert status == 202


def test_the_dashboard_counts_people_classes_and_hours(project: Project, owner: User, anna: User, as_owner: Client) -> None:
    batch = open_batch(project=project, source="api", user=owner)
    cup, glass = project.labels.all()
    for number, (author, label, seconds) in enumerate([(anna, cup, 1.0), (anna, cup, 3.0), (owner, glass, 2.0)]):
        image = ingest_image(project=project, batch=batch, name=f"{number}.jpg", data=encoded(picture(number))).image
        assert image is not None
        annotate(id=uuid4(), project=project, image=image, author=author, kind="label", label=label, seconds=seconds)
    came = ingest_image(project=project, batch=batch, name="9.jpg", data=encoded(picture(9))).image
    assert came is not None
    annotate(id=uuid4(), project=project, image=came, author=owner, kind="label", label=cup, source="import")

    found = as_owner.get(f"/api/projects/{project.pk}/dashboard").json()

    assert found["per_person"] == [
        {"user": "Anna Ant", "count": 2, "median_seconds": 2.0},
        {"user": "olga", "count": 1, "median_seconds": 2.0},
    ]
    assert sum(row["count"] for row in found["per_hour"]) == 3
    assert found["per_class"] == [{"label": cup.pk, "count": 3}, {"label": glass.pk, "count": 1}]
    assert found["disk"]["total"] >= found["disk"]["free"] > 0 and found["disk"]["used_by_us"] > 0


def test_the_dashboard_is_the_owners(project: Project, anna: User) -> None:
    assert browser(anna).get(f"/api/projects/{project.pk}/dashboard").status_code == 403


def test_the_machine_is_described(as_owner: Client, live_redis: Redis) -> None:
    found = as_owner.get("/api/system").json()

    assert found["version"] == __version__
    assert found["database"]["kind"] == "SQLite" and found["database"]["version"]
    assert found["redis"]["alive"] and found["redis"]["version"]
    assert found["device"]["name"] and found["device"]["precision"] in {"f32", "bf16"}
    assert "auto" in found["features"]["strategies"] and "blend" in found["features"]["heads"]
    lite0 = next(row for row in found["features"]["backbones"] if row["name"] == "lite0")
    assert lite0["available"] and lite0["licence"] == "Apache-2.0"
    assert found["workers"] == []


def test_without_redis_the_machine_is_described_all_the_same(as_owner: Client) -> None:
    found = as_owner.get("/api/system").json()

    assert found["redis"] == {"alive": False, "version": None}
    assert found["workers"] == []


@pytest.mark.parametrize("path", ["jobs", "jobs/{job}", "jobs/{job}/log", "dashboard"])
def test_strangers_see_nothing(path: str, project: Project) -> None:
    job = start_job(project=project, kind=Job.Kind.EXPORT)
    address = f"/api/projects/{project.pk}/" + path.format(job=job.pk)

    assert Client().get(address).status_code == 401
    assert browser(User.objects.create(username="sam")).get(address).status_code == 404
