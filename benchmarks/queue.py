"""What the next task and a submitted label cost the server, in projects of different sizes.

    python -m benchmarks.queue [--images 10000 100000] [--rounds 400] [--databases sqlite postgresql] [--json PATH]

For each size, in a process and a data directory of its own: a project with that many images, a tenth of them answered, a
ranking of 300 candidates, and one person at work who holds five tasks ahead. Measured twice: through Django's WSGI handler
in this process (CPU seconds of the process, wall), and over HTTP against the real web process (CPU of that process, wall at
the client). A real Redis takes the messages; before each submit the flag is lowered that keeps requests to learn from
piling up, so every submit pays for sending its message.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from benchmarks.common import ROOT, deliver, parser
from benchmarks.site import web_alone
from tests.servers import PostgresServer, RedisServer

HELD = 5
CANDIDATES = 300
WARM_UP = 30
Call = Callable[[str, dict[str, Any]], dict[str, Any]]


def main() -> None:
    """Measure every size in every database and deliver."""
    made = parser(__doc__)
    made.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000])
    made.add_argument("--rounds", type=int, default=400)
    made.add_argument("--databases", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    made.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = made.parse_args()
    if options.one:
        deliver(measure(options.one, options.rounds), options.json)
        return
    rows = [
        {"database": database, **apart(database, images, options.rounds)}
        for database in options.databases
        for images in options.images
    ]
    deliver({"rounds": options.rounds, "rows": rows}, options.json)


def apart(database: str, images: int, rounds: int) -> dict[str, Any]:
    """One measurement in a process of its own, with services of its own."""
    with tempfile.TemporaryDirectory() as name, services(Path(name), database) as environment:
        result = Path(name) / "result.json"
        words = ["-m", "benchmarks.queue", "--one", str(images), "--rounds", str(rounds), "--json", str(result)]
        subprocess.run([sys.executable, *words], cwd=ROOT, env=os.environ | environment, check=True)
        return dict(json.loads(result.read_text()))


@contextmanager
def services(folder: Path, database: str) -> Iterator[dict[str, str]]:
    """A Redis, and a PostgreSQL if wanted; what the application's environment says of them."""
    with RedisServer(folder / "redis") as redis:
        environment = {"ANNOTATOR_DATA": str(folder / "data"), "REDIS_URL": redis.url}
        environment["DJANGO_SETTINGS_MODULE"] = "annotator.config.settings"
        if database == "sqlite":
            yield environment
            return
        with PostgresServer() as server:
            yield environment | {"DATABASE_URL": server.new_database()}


def measure(images: int, rounds: int) -> dict[str, Any]:
    """All numbers for one size."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    project, cookie = fill(images)
    inside = work(in_process(cookie), project, rounds, time.process_time)
    with web_alone(dict(os.environ)) as (address, process):
        outside = work(over_http(address, cookie), project, rounds, lambda: cpu_of(process))
    return {"images": images, "in_process": inside, "http": outside}


def fill(images: int) -> tuple[int, str]:
    """A project of that many images (rows only: no file is read here), a tenth answered; its id and a session's cookie."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.db import connection

    from annotator.images.ingest import lot
    from annotator.images.models import Image
    from annotator.labelling.models import Annotation, Standing
    from annotator.projects.models import User
    from annotator.projects.sessions import BACKEND, SessionStore
    from annotator.projects.setup import create_project

    user = User.objects.create_user("bench", password=uuid.uuid4().hex)
    project = create_project(owner=user, name="Bench", classes=[f"class {number}" for number in range(10)])
    label = project.labels.first()
    assert label is not None

    def image(number: int) -> Image:
        sha256 = f"{number:064x}"
        is_audit, sort_key = lot(project.pk, sha256, project.audit_fraction)
        return Image(
            project=project, sha256=sha256, name=f"folder/{number}.jpg", format="JPEG", width=640, height=480, size=60_000,
            is_audit=is_audit, sort_key=sort_key, featured=True,
        )

    for start in range(0, images, 5000):
        Image.objects.bulk_create(image(number) for number in range(start, min(images, start + 5000)))
    rows = list(Image.objects.filter(project=project).order_by("sort_key"))
    answered = rows[: images // 10]
    labels = [Annotation(project=project, image=row, kind="label", label=label, author=user) for row in answered]
    said = Annotation.objects.bulk_create(labels, batch_size=5000)
    Standing.objects.bulk_create(
        [
            Standing(image=row, project=project, annotation=one, kind="label", label=label, is_audit=row.is_audit)
            for row, one in zip(answered, said, strict=True)
        ],
        batch_size=5000,
    )
    rank(project.pk, [row.pk for row in rows[len(answered) :] if not row.is_audit])
    with connection.cursor() as cursor:
        # PostgreSQL does this by itself within a minute of so many new rows.
        cursor.execute("ANALYZE")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = BACKEND
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    assert session.session_key
    return project.pk, session.session_key


def rank(project: int, free: list[int]) -> None:
    """A ranking, as the learner writes it."""
    from annotator.labelling.models import Candidate
    from annotator.projects.models import Label

    label = Label.objects.filter(project=project)[0]
    Candidate.objects.bulk_create(
        Candidate(
            project_id=project, image_id=image, position=position, reason="torn", guess=label, confidence=0.5,
            reason_text="torn between class 1 and class 2", top=[[label.pk, 0.5]], model_number=1, score=1.0,
        )
        for position, image in enumerate(free[: CANDIDATES * 10])
    )


def work(call: Call, project: int, rounds: int, cpu: Callable[[], float]) -> dict[str, dict[str, float]]:
    """One person labels: a submit, then the next task, with five held ahead. Milliseconds."""
    from django.conf import settings

    from annotator.jobs import bus
    from annotator.projects.models import Label

    label = Label.objects.filter(project=project).values_list("pk", flat=True)[0]
    client = uuid.uuid4().hex
    base = f"/api/projects/{project}"
    held = [task["image"]["id"] for task in call(f"{base}/tasks/next", {"client": client, "count": HELD})["tasks"]]
    times: dict[str, list[tuple[float, float]]] = {"submit": [], "next": []}
    assert settings.REDIS_URL
    for number in range(WARM_UP + rounds):
        bus.lower_flag(f"learn:{project}")
        answer = {"id": str(uuid.uuid4()), "image": held.pop(0), "kind": "label", "label": label, "client": client}
        for name, path, body in (
            ("submit", f"{base}/annotations", answer | {"seconds": 1.2}),
            ("next", f"{base}/tasks/next", {"client": client, "count": 1, "exclude": held}),
        ):
            cpu_before, wall_before = cpu(), time.perf_counter()
            told = call(path, body)
            wall, spent = time.perf_counter() - wall_before, cpu() - cpu_before
            if number >= WARM_UP:
                times[name].append((spent * 1000, wall * 1000))
            if name == "next":
                held += [task["image"]["id"] for task in told["tasks"]]
    return {name: summary(values) for name, values in times.items()}


def summary(values: list[tuple[float, float]]) -> dict[str, float]:
    """Mean and percentiles of (CPU, wall). Another process's CPU is counted in steps of 10 ms, so only its mean counts."""
    cpu, wall = zip(*values, strict=True)
    return {
        "cpu_mean_ms": round(statistics.fmean(cpu), 2), "cpu_p50_ms": round(statistics.median(cpu), 2),
        "cpu_p95_ms": round(statistics.quantiles(cpu, n=20)[18], 2), "wall_p50_ms": round(statistics.median(wall), 2),
        "wall_p95_ms": round(statistics.quantiles(wall, n=20)[18], 2),
    }


def in_process(cookie: str) -> Call:
    """Requests straight into Django's WSGI handler."""
    from annotator.config.wsgi import application

    def call(path: str, body: dict[str, Any]) -> dict[str, Any]:
        data = json.dumps(body).encode()
        environ = {
            "REQUEST_METHOD": "POST", "PATH_INFO": path, "SERVER_NAME": "localhost", "SERVER_PORT": "80",
            "wsgi.input": io.BytesIO(data), "CONTENT_LENGTH": str(len(data)), "CONTENT_TYPE": "application/json",
            "HTTP_COOKIE": f"sessionid={cookie}; csrftoken={'a' * 32}", "HTTP_X_CSRFTOKEN": "a" * 32,
            "HTTP_HOST": "localhost", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "wsgi.errors": sys.stderr,
            "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.multithread": False, "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        status: list[str] = []
        response = application(environ, lambda line, headers, *_: status.append(line))
        content = b"".join(response)
        response.close()
        assert status[0].startswith("20"), (status, content)
        return json.loads(content)

    return call


def over_http(address: str, cookie: str) -> Call:
    """Requests over one kept connection."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    headers = {
        "Cookie": f"sessionid={cookie}; csrftoken={'a' * 32}", "X-CSRFToken": "a" * 32, "Content-Type": "application/json",
    }

    def call(path: str, body: dict[str, Any]) -> dict[str, Any]:
        connection.request("POST", path, json.dumps(body), headers)
        response = connection.getresponse()
        content = response.read()
        assert response.status in (200, 201), (response.status, content)
        return json.loads(content)

    return call


def cpu_of(process: psutil.Process) -> float:
    """Seconds of CPU that a process has used, all threads."""
    used = process.cpu_times()
    return used.user + used.system


if __name__ == "__main__":
    main()
