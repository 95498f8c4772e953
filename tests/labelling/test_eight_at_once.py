"""Eight people label one project at once, against the real web process: no image goes to two, no answer is lost."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CLIENTS, IMAGES = 8, 240
PORT = 8641


class Person:
    """One client with a connection of its own."""

    def __init__(self, number: int, token: str, project: int, labels: list[int]) -> None:
        self.name = f"page{number}"
        self.labels = labels
        self.base = f"/api/projects/{project}"
        self.connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.shown: list[int] = []
        self.answered: list[str] = []

    def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.connection.request("POST", self.base + path, json.dumps(body), self.headers)
        response = self.connection.getresponse()
        content = response.read()
        assert response.status in (200, 201), (response.status, content)
        answer: dict[str, Any] = json.loads(content)
        return answer

    def work(self) -> None:
        """Label until nothing is left, with three images held ahead; some answers go twice, as over a bad network."""
        held: list[int] = []
        while True:
            tasks = self.ask("/tasks/next", {"client": self.name, "count": 3, "exclude": held})["tasks"]
            held += [task["image"]["id"] for task in tasks]
            self.shown += [task["image"]["id"] for task in tasks]
            if not held:
                return
            image = held.pop(0)
            label = self.labels[image % 2]
            answer = {"id": str(uuid4()), "image": image, "kind": "label", "label": label, "client": self.name}
            for _ in range(1 + image % 3 // 2):
                self.ask("/annotations", answer)
            self.answered.append(answer["id"])


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_no_image_goes_to_two_and_no_answer_is_lost(
    database: str, tmp_path: Path, redis_url: str, request: pytest.FixtureRequest
) -> None:
    environment = os.environ | {
        "ANNOTATOR_DATA": str(tmp_path), "REDIS_URL": redis_url, "DJANGO_SETTINGS_MODULE": "annotator.config.settings",
    }
    if database == "postgresql":
        environment["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    call(environment, "manage.py", "migrate", "-v", "0")
    made = json.loads(call(environment, "-m", "tests.labelling.crowd", "fill", str(IMAGES), str(CLIENTS)))
    people = [Person(number, token, made["project"], made["labels"]) for number, token in enumerate(made["tokens"])]
    with (
        running(environment, "-m", "annotator.cli", "web", "--port", str(PORT), until=lambda: answers(people[0])),
        running(environment, "-m", "tests.labelling.crowd", "rank", str(made["project"])),
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        list(pool.map(Person.work, people))
    shown = Counter(image for person in people for image in person.shown)
    assert len(shown) == IMAGES, "every image was shown"
    assert {image: times for image, times in shown.items() if times > 1} == {}, "none was shown to two"
    rows = json.loads(call(environment, "-m", "tests.labelling.crowd", "count", str(made["project"])))
    assert rows["annotations"] == rows["standing"] == IMAGES
    assert rows["annotated_twice"] == 0
    assert rows["leases"] == 0
    assert (rows["progress"]["labelled"], rows["progress"]["unlabelled"]) == (IMAGES, 0)
    assert rows["progress"]["audit_labelled"] == IMAGES // 6
    assert sum(len(person.answered) for person in people) == IMAGES
    assert sum(1 for person in people if person.shown) > 1, "it was more than one who worked"


def call(environment: dict[str, str], *words: str) -> str:
    """The last line that a command prints."""
    run = subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout.splitlines()[-1] if run.stdout else ""


@contextmanager
def running(environment: dict[str, str], *words: str, until: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """A process beside the test."""
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while not until():
            assert process.poll() is None and time.monotonic() < end, "it did not start"
            time.sleep(0.1)
        yield
        assert process.poll() is None, "it died"
    finally:
        process.terminate()
        process.wait(20)


def answers(person: Person) -> bool:
    """Whether the site is up."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request("GET", "/api/me", headers=person.headers)
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
