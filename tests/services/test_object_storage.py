"""Files in S3-compatible storage instead of the data directory, with the settings that docker-compose.yml gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from moto.server import ThreadedMotoServer

from tests.installation import Installation

Make = Callable[..., Installation]


@pytest.fixture(scope="module")
def storage() -> Iterator[dict[str, str]]:
    """The settings of an S3-compatible server on loopback."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "ANNOTATOR_S3_ENDPOINT": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "annotator",
        "AWS_SECRET_ACCESS_KEY": "a key that only this test knows",
    }
    server.stop()


def test_migrate_makes_the_bucket_once_and_check_uses_it(installation: Make, storage: dict[str, str]) -> None:
    site = installation(ANNOTATOR_S3_BUCKET="photos", **storage)
    first, second = site.run("migrate"), site.run("migrate")
    assert "The bucket has been made." in first.stdout, first.stderr
    assert "bucket" not in second.stdout
    assert "files: bucket photos, written and read" in site.run("check").stdout


def test_a_bucket_that_is_not_there_is_one_sentence(installation: Make, storage: dict[str, str]) -> None:
    checked = installation(ANNOTATOR_S3_BUCKET="nowhere", **storage).run("check")
    assert checked.returncode == 1
    assert "[WRONG ] files: bucket nowhere cannot be used" in checked.stdout
    assert "ANNOTATOR_S3_BUCKET" in checked.stdout


def test_a_storage_that_is_away_is_one_sentence(installation: Make, storage: dict[str, str]) -> None:
    away = {**storage, "ANNOTATOR_S3_ENDPOINT": "http://127.0.0.1:9"}
    migrated = installation(ANNOTATOR_S3_BUCKET="photos", **away).run("migrate")
    assert migrated.returncode == 2
    assert migrated.stderr.startswith("annotator: The bucket 'photos' cannot be used")
    assert "Traceback" not in migrated.stderr
