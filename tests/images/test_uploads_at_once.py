"""Several uploads into one import at once: every count is right, and the same picture is stored once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.images.pictures import encoded, picture
from tests.labelling.beside import call, environment_of, web

SENDERS, OWN, SHARED = 6, 8, 4


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_counts_are_right(database: str, tmp_path: Path, redis_url: str, request: pytest.FixtureRequest) -> None:
    environment = environment_of(tmp_path, redis_url, database, request)
    made = json.loads(call(environment, "-m", "tests.labelling.crowd", "fill", "0", "1"))
    headers = {"Authorization": f"Bearer {made['tokens'][0]}"}
    with web(environment) as port:
        base = f"http://127.0.0.1:{port}/api/projects/{made['project']}"
        batch = requests.post(f"{base}/imports", json={"labels_from": "folder"}, headers=headers, timeout=60).json()

        def send(sender: int) -> None:
            numbers = [*range(SHARED), *(1000 * (sender + 1) + number for number in range(OWN))]
            for number in numbers:
                files = {"file": (f"{number}.jpg", encoded(picture(number, (40 + number // 250, 40))))}
                path = {"path": f"class {number % 3}/{number}.jpg"}
                sent = requests.post(
                    f"{base}/imports/{batch['id']}/files", files=files, data=path, headers=headers, timeout=60
                )
                assert sent.status_code == 200, sent.text

        with ThreadPoolExecutor(SENDERS) as pool:
            list(pool.map(send, range(SENDERS)))
        told = requests.get(f"{base}/imports/{batch['id']}", headers=headers, timeout=60).json()
        project = requests.get(base, headers=headers, timeout=60).json()
    assert told["stored"] == SENDERS * OWN + SHARED
    assert told["duplicates"] == (SENDERS - 1) * SHARED
    assert told["refused"] == 0
    assert project["progress"]["images"] == project["progress"]["labelled"] == told["stored"]
    assert sorted(label["name"] for label in project["labels"]) == ["class 0", "class 1", "class 2", "cup", "glass"]
