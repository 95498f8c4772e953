"""Eight people label one project at once, against the real web process: no image goes to two, no answer is lost."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.labelling.beside import call, environment_of, running, web

CLIENTS, IMAGES = 8, 240


class Person:
    """One client with a connection of its own."""

    def __init__(self, number: int, port: int, token: str, project: int, labels: list[int]) -> None:
        self.name = f"page{number}"
        self.labels = labels
        self.base = f"/api/projects/{project}"
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
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
    environment = environment_of(tmp_path, redis_url, database, request)
    made = json.loads(call(environment, "-m", "tests.labelling.crowd", "fill", str(IMAGES), str(CLIENTS)))
    with web(environment) as port:
        people = [
            Person(number, port, token, made["project"], made["labels"]) for number, token in enumerate(made["tokens"])
        ]
        with (
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
