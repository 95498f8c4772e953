"""What the next task and a submitted label cost the server, in projects of different sizes.

    python benchmarks/queue.py [--images 10000 100000] [--rounds 400] [--postgres] [--json benchmarks/results/queue.json]

For each size, in a process and a data directory of its own: a project with that many images, a tenth of them answered, a ranking
of 300 candidates, and one person at work who holds five tasks ahead. Measured twice: through Django's WSGI handler in this
process (CPU seconds of the process, wall), and over HTTP against the real web process (CPU of that process, wall at the client).
A real Redis takes the messages; before each submit the flag is lowered that keeps requests to learn from piling up, so every
submit pays for sending its message.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import platform
import signal
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

ROOT = Path(__file__).resolve().parent.parent
# In place of this folder, where a file called queue.py would hide Python's own.
sys.path[0] = str(ROOT)
HELD = 5
CANDIDATES = 300
WARM_UP = 30
Call = Callable[[str, dict[str, Any]], dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--postgres", action="store_true", help="PostgreSQL instead of SQLite")
    parser.add_argument("--port", type=int, default=8659)
    parser.add_argument("--json", type=Path, help="also write the numbers there")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.one, args.rounds, args.port)))
        return
    rows = []
    for images in args.images:
        with tempfile.TemporaryDirectory() as folder, services(Path(folder), args.postgres) as environment:
            words = [sys.executable, __file__, "--one", str(images), "--rounds", str(args.rounds), "--port", str(args.port)]
            done = subprocess.run(words, env=os.environ | environment, check=True, capture_output=True, text=True)
            rows.append(json.loads(done.stdout.splitlines()[-1]))
    database = "postgresql" if args.postgres else "sqlite"
    print(table(rows, database))
    if args.json:
        told = {"database": database, "machine": platform.processor() or platform.machine(), "cpus": os.cpu_count(), "rows": rows}
        args.json.write_text(json.dumps(told, indent=1) + "\n")


@contextmanager
def services(folder: Path, postgres: bool) -> Iterator[dict[str, str]]:
    """A Redis, and a PostgreSQL if wanted; what the application's environment says of them."""
    from tests.servers import PostgresServer, RedisServer

    (folder / "redis").mkdir()
    with RedisServer(folder / "redis") as redis:
        environment = {"ANNOTATOR_DATA": str(folder / "data"), "REDIS_URL": redis.url}
        environment["DJANGO_SETTINGS_MODULE"] = "annotator.config.settings"
        if not postgres:
            yield environment
            return
        with PostgresServer(folder / "postgres") as server:
            yield environment | {"DATABASE_URL": server.new_database()}


def measure(images: int, rounds: int, port: int) -> dict[str, Any]:
    """All numbers for one size."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    project, cookie = fill(images)
    inside = work(in_process(cookie), project, rounds, time.process_time)
    with web(port) as process:
        outside = work(over_http(port, cookie), project, rounds, lambda: cpu_of(process))
    return {"images": images, "in_process": inside, "http": outside}


def fill(images: int) -> tuple[int, str]:
    """A project of that many images (rows only: no file is read here), a tenth answered; its id and a session's cookie."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from annotator.images.ingest import lot
    from annotator.images.models import Image
    from annotator.labelling.models import Annotation, Candidate, Standing
    from annotator.projects.models import User
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
    said = Annotation.objects.bulk_create(
        [Annotation(project=project, image=row, kind="label", label=label, author=user) for row in answered], batch_size=5000
    )
    Standing.objects.bulk_create(
        [
            Standing(image=row, project=project, annotation=one, kind="label", label=label, is_audit=row.is_audit)
            for row, one in zip(answered, said, strict=True)
        ],
        batch_size=5000,
    )
    rank(project.pk, [row.pk for row in rows[len(answered) :] if not row.is_audit])
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    assert session.session_key
    return project.pk, session.session_key


def rank(project: int, free: list[int]) -> None:
    """A ranking, as the learner writes it."""
    from annotator.labelling.models import Candidate
    from annotator.projects.models import Label

    label = Label.objects.filter(project=project).first()
    Candidate.objects.bulk_create(
        Candidate(
            project_id=project, image_id=image, position=position, reason="torn", reason_text="torn between class 1 and class 2",
            guess=label, confidence=0.5, top=[[label.pk, 0.5]] if label else [], model_number=1, score=1.0,
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
        answer = {"id": str(uuid.uuid4()), "image": held.pop(0), "kind": "label", "label": label, "client": client, "seconds": 1.2}
        for name, path, body in (
            ("submit", f"{base}/annotations", answer),
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
    """Mean and percentiles of (CPU, wall). The kernel counts another process's CPU in steps of 10 ms, so only its mean counts."""
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
            "REQUEST_METHOD": "POST", "PATH_INFO": path, "SERVER_NAME": "localhost", "SERVER_PORT": "80", "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(data), "CONTENT_LENGTH": str(len(data)), "CONTENT_TYPE": "application/json",
            "HTTP_COOKIE": f"sessionid={cookie}; csrftoken={'a' * 32}", "HTTP_X_CSRFTOKEN": "a" * 32, "HTTP_HOST": "localhost",
            "wsgi.errors": sys.stderr, "wsgi.version": (1, 0), "wsgi.multithread": False, "wsgi.multiprocess": False,
            "wsgi.run_once": False, "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
        }
        status: list[str] = []
        response = application(environ, lambda line, headers, *_: status.append(line))
        content = b"".join(response)
        response.close()
        assert status[0].startswith("20"), (status, content)
        return json.loads(content)

    return call


def over_http(port: int, cookie: str) -> Call:
    """Requests over one kept connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
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


@contextmanager
def web(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The real web process."""
    words = [sys.executable, "-m", "annotator.cli", "web", "--port", str(port)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
                connection.request("GET", "/healthz")
                connection.getresponse().read()
                break
            except OSError:
                assert time.monotonic() < end, "the web process did not start"
                time.sleep(0.2)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def cpu_of(process: subprocess.Popen[bytes]) -> float:
    """Seconds of CPU that a process has used, all threads."""
    import psutil

    used = psutil.Process(process.pid).cpu_times()
    return used.user + used.system


def table(rows: list[dict[str, Any]], database: str) -> str:
    lines = [
        f"| {database}: images | request | CPU in process, mean / p95 ms | wall p50 / p95 ms | HTTP: CPU mean ms | wall p50 / p95 ms |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        for name in ("next", "submit"):
            a, b = row["in_process"][name], row["http"][name]
            lines.append(
                f"| {row['images']:,} | {name} | {a['cpu_mean_ms']} / {a['cpu_p95_ms']} | {a['wall_p50_ms']} / {a['wall_p95_ms']} | "
                f"{b['cpu_mean_ms']} | {b['wall_p50_ms']} / {b['wall_p95_ms']} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
