"""A running site to measure: `annotator up` in a folder of its own, a person who labels, and what each process takes."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

from annotator.supervisor.machine import READY
from benchmarks.common import ROOT
from tests.installation import ANNOTATOR, Installation, wait_until
from tests.person import Person
from tests.photos import real_photos, write_digits

PATIENCE = 900.0


def photos_for(folder: Path | None, scratch: Path) -> Path:
    """The labelled folder to measure with: the one that was named, the tests' photos, or scikit-learn's digits."""
    return folder or real_photos() or write_digits(scratch / "digits")


def fresh_installation(data: Path) -> Installation:
    """One that runs as a user starts it: with as many threads as it likes."""
    site = Installation(data)
    site.environment.pop("OMP_NUM_THREADS", None)
    return site


@contextmanager
def running(data: Path) -> Iterator[Installation]:
    """A site that is up and healthy."""
    site = fresh_installation(data).start()
    try:
        site.wait_until_healthy()
        yield site
    finally:
        site.stop()


@contextmanager
def web_alone(environment: dict[str, str]) -> Iterator[tuple[str, psutil.Process]]:
    """The web process without workers, on a free port, over a database that is brought up to date; its address."""
    subprocess.run([*ANNOTATOR, "migrate"], env=environment, cwd=ROOT, check=True, capture_output=True)
    process = subprocess.Popen([*ANNOTATOR, "web", "--port", "0"], env=environment, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        running = psutil.Process(process.pid)
        assert process.stdout is not None
        assert READY in process.stdout.readline().decode(), "the web process did not start"
        (port,) = [one.laddr.port for one in running.net_connections() if one.status == psutil.CONN_LISTEN]
        yield f"http://127.0.0.1:{port}", running
    finally:
        process.terminate()
        process.wait()


def owner_of(site: Installation) -> Person:
    """The owner, signed in by a link of their own."""
    person = Person(site.address)
    link = site.run("login-link").stdout.strip()
    status, answer = person.sign_in(link.rpartition("token=")[2])
    assert status == 200, answer
    return person


def ask(person: Person, method: str, path: str, body: Any = None) -> Any:
    """One request that has to work."""
    status, answer = person.get(path) if method == "GET" else person.post(path, body)
    assert status < 300, (path, status, answer)
    return answer


def fill(site: Installation, person: Person, photos: Path, name: str) -> dict[str, Any]:
    """A project with the folder's classes and images; returns when every image has its features."""
    classes = [{"name": folder.name} for folder in sorted(photos.iterdir()) if folder.is_dir()]
    project = ask(person, "POST", "projects", {"name": name, "classes": classes})
    said = site.run("import", name, str(photos))
    assert said.returncode == 0, said.stderr
    return wait_for_features(person, project)


def wait_for_features(person: Person, project: dict[str, Any]) -> dict[str, Any]:
    """The project, once all of its images have their features."""

    def done() -> dict[str, Any] | None:
        now = ask(person, "GET", f"projects/{project['id']}")
        progress = now["progress"]
        return dict(now) if progress["images"] and progress["featured"] == progress["images"] else None

    return dict(wait_until(done, "features", seconds=PATIENCE))


def label(person: Person, project: dict[str, Any], count: int, *, each: Callable[[], None] = lambda: None) -> None:
    """Give so many true answers, one after the other, as the names of the images' folders have them."""
    ids = {row["name"]: row["id"] for row in project["labels"]}
    base, client = f"projects/{project['id']}", uuid4().hex
    for _ in range(count):
        task = ask(person, "POST", f"{base}/tasks/next", {"client": client, "count": 1})["tasks"][0]
        image = task["image"]
        answer = {"id": str(uuid4()), "image": image["id"], "kind": "label", "client": client}
        ask(person, "POST", f"{base}/annotations", answer | {"label": ids[image["name"].split("/")[-2]]})
        each()


def wait_for_model(person: Person, project: dict[str, Any]) -> None:
    """Until the model at work has seen every answer that it may learn from."""
    base = f"projects/{project['id']}"

    def caught_up() -> bool:
        progress, model = (ask(person, "GET", base)[key] for key in ("progress", "model"))
        return bool(model and model["labels"] == progress["labelled"] - progress["audit_labelled"])

    wait_until(caught_up, "the model", seconds=PATIENCE)


def memory(site: Installation) -> dict[str, dict[str, float]]:
    """Megabytes of each process by its part: USS (its own), PSS (shared pages divided among those who share), RSS."""
    found: dict[str, dict[str, float]] = {}
    assert site.process is not None
    for process in [psutil.Process(site.process.pid), *site.processes()]:
        try:
            part, info = part_of(process, site.process.pid), process.memory_full_info()
        except psutil.NoSuchProcess:
            continue
        row = found.setdefault(part, {"processes": 0, "uss_mb": 0.0, "pss_mb": 0.0, "rss_mb": 0.0})
        row["processes"] += 1
        for kind in ("uss", "pss", "rss"):
            row[f"{kind}_mb"] = round(row[f"{kind}_mb"] + getattr(info, kind) / 2**20, 1)
    return found


def part_of(process: psutil.Process, supervisor: int) -> str:
    """supervisor, redis, web, learn or bulk."""
    if process.pid == supervisor:
        return "supervisor"
    words = process.cmdline()
    if "redis-server" in process.name() or any("redis-server" in word for word in words[:1]):
        return "redis"
    for queues in ("web", "learn", "bulk,train"):
        if queues in words:
            return queues.partition(",")[0]
    parent = process.parent()
    return part_of(parent, supervisor) if parent is not None and parent.pid != supervisor else process.name()


def total(parts: dict[str, dict[str, float]], kind: str = "pss_mb") -> float:
    """Of all parts together."""
    return round(sum(row[kind] for row in parts.values()), 1)


def cpu_seconds(site: Installation) -> float:
    """CPU time that the site's processes have used, those that have ended included."""
    assert site.process is not None
    used = 0.0
    for process in [psutil.Process(site.process.pid), *site.processes()]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        used += times.user + times.system + times.children_user + times.children_system
    return used


def until_healthy(site: Installation, began: float) -> dict[str, float]:
    """Seconds since `began` until the address was printed (pages are served) and until every part works."""
    wait_until(lambda: "http://" in site.said, "the address")
    serving = time.perf_counter() - began
    wait_until(lambda: site.health()[1]["status"] == "ok", "health")
    healthy = time.perf_counter() - began
    return {"serving_s": round(serving, 2), "healthy_s": round(healthy, 2), "cpu_s": round(cpu_seconds(site), 2)}
