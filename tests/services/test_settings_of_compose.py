"""The settings that docker-compose.yml gives its services run the whole loop on a real PostgreSQL, Redis and S3 server."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import psycopg
import pytest
import yaml
from moto.server import ThreadedMotoServer

from tests.installation import Installation, wait_until
from tests.person import Person
from tests.servers import PostgresServer, RedisServer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent.parent
KEY = "a-key-that-only-this-test-knows-0123456789"
PHOTOS, ANSWERS = 12, 6


@pytest.fixture
def settings(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[dict[str, str]]:
    """Every setting that compose gives, with the addresses of servers on this machine."""
    given = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["web"]["environment"]
    storage = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    storage.start()
    host, port = storage.get_host_and_port()
    with RedisServer(tmp_path / "redis", password=KEY) as redis_server:
        here = {
            "ANNOTATOR_SECRET_KEY": KEY,
            "ANNOTATOR_HOSTS": "localhost",
            "ANNOTATOR_ORIGINS": "",
            "ANNOTATOR_HTTPS": "0",
            "ANNOTATOR_DEVICE_URL": "https://localhost:8443",
            "ANNOTATOR_DEVICE_PIN": "",
            "DATABASE_URL": postgres_server.new_database(),
            "REDIS_URL": redis_server.url,
            "ANNOTATOR_S3_BUCKET": given["ANNOTATOR_S3_BUCKET"],
            "ANNOTATOR_S3_ENDPOINT": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "annotator",
            "AWS_SECRET_ACCESS_KEY": KEY,
        }
        assert set(here) == set(given), "compose gives other settings than this test tries"
        yield here
    storage.stop()


def test_import_label_and_learn(
    settings: dict[str, str], installation: Callable[..., Installation], some_photos: Path
) -> None:
    site = installation(**settings)
    assert site.run("migrate").returncode == 0
    assert f"{PHOTOS} images stored" in site.run("import", "toys", str(some_photos)).stdout
    site.start()
    site.wait_until_healthy()
    person = Person(site.address)
    assert person.sign_in(site.token)[0] == 200
    project = person.get("projects")[1][0]["id"]
    labels = [person.post(f"projects/{project}/labels", {"name": name})[1]["id"] for name in ("first", "second")]
    wait_until(lambda: person.get(f"projects/{project}")[1]["progress"]["featured"] == PHOTOS, "the features")

    given = 0
    while given < ANSWERS:
        _, answer = person.post(f"projects/{project}/tasks/next", {"client": "test", "count": 1})
        image = answer["tasks"][0]["image"]["id"]
        body = {"id": str(uuid.uuid4()), "image": image, "kind": "label", "label": labels[given % 2], "client": "test"}
        assert person.post(f"projects/{project}/annotations", body)[0] == 201
        given += 1
    wait_until(lambda: person.get(f"projects/{project}")[1]["model"], "a model")

    with psycopg.connect(settings["DATABASE_URL"]) as database:
        assert database.execute("SELECT count(*) FROM labelling_annotation").fetchone() == (ANSWERS,)
    names = stored_names(settings)
    assert sum(name.startswith("originals/") for name in names) == PHOTOS
    assert sum(name.startswith("thumbs/") for name in names) == PHOTOS
    assert not (site.data / "media").exists()
    assert not (site.data / "db.sqlite3").exists()
    assert not (site.data / "redis").exists()


def stored_names(settings: dict[str, str]) -> list[str]:
    """What lies in the bucket."""
    client = boto3.client(
        "s3", endpoint_url=settings["ANNOTATOR_S3_ENDPOINT"], aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1",
    )
    found = client.list_objects_v2(Bucket=settings["ANNOTATOR_S3_BUCKET"])
    return [entry["Key"] for entry in found.get("Contents", [])]
