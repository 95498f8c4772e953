"""How many images a second are taken in: files sent to the site as the page sends them, and `annotator import` of a folder.

    python -m benchmarks.imports [--photos FOLDER] [--large 60] [--json PATH]

Taking in an image is to decode it, hash it, look for it among those that are there, make its thumbnail, store file and
row. Two sets of images: the photos as they are, and some of them enlarged to 12 megapixels, as cameras make them. The web
process and Redis run, workers do not, so that nothing else is measured; the client sends three batches at a time, as the
page does.
"""

from __future__ import annotations

import http.client
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psutil
from PIL import Image

from benchmarks.common import ROOT, deliver, parser
from benchmarks.site import ask, photos_for, web_alone
from tests.installation import ANNOTATOR
from tests.person import Person
from tests.servers import RedisServer

# What the page does: frontend/src/upload/batches.ts and uploader.ts.
MOST_FILES, MOST_BYTES, LANES = 24, 12_000_000, 3
LARGE = (4000, 3000)
SUFFIXES = {".jpg", ".jpeg", ".png"}


def main() -> None:
    """Measure and deliver."""
    made = parser(__doc__)
    made.add_argument("--photos", type=Path, help="a folder with one folder of images for each class")
    made.add_argument("--large", type=int, default=60, help="how many to enlarge (default: %(default)s)")
    options = made.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small = photos_for(options.photos, Path(folder))
        large = enlarge(small, Path(folder) / "large", options.large)
        rows = [measure(name, photos, Path(folder) / name) for name, photos in (("as they are", small), ("12 MP", large))]
    deliver({"rows": rows, "batch": {"files": MOST_FILES, "bytes": MOST_BYTES, "lanes": LANES}}, options.json)


def measure(name: str, photos: Path, scratch: Path) -> dict[str, Any]:
    """One set of images, both ways, and the second time that it comes."""
    files = images_in(photos)
    scratch.mkdir(exist_ok=True)
    with RedisServer(scratch / "redis") as redis:
        environment = surroundings(scratch / "data", redis.url)
        with web_alone(environment) as (address, process):
            person = signed_in(address, environment)
            upload = uploaded(person, process, files)
        command = imported(environment, photos)
        again = imported(environment, photos)
    size = statistics.median(file.stat().st_size for file in files)
    with Image.open(files[len(files) // 2]) as image:
        pixels = list(image.size)
    return {
        "set": name, "images": len(files), "median_kb": round(size / 1024, 1), "pixels": pixels,
        "upload": upload, "command": command, "command_again": again,
    }


def images_in(photos: Path) -> list[Path]:
    """In an order that mixes the folders."""
    found = [path for path in photos.rglob("*") if path.suffix.lower() in SUFFIXES]
    return sorted(found, key=lambda path: (path.stem[::-1], path.parent.name))


def enlarge(photos: Path, folder: Path, count: int) -> Path:
    """So many of the photos at 12 megapixels, as JPEG."""
    for number, path in enumerate(images_in(photos)[:count]):
        target = folder / path.parent.name / f"{number:03}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            image.convert("RGB").resize(LARGE, Image.Resampling.BICUBIC).save(target, quality=90)
    return folder


def surroundings(data: Path, redis: str) -> dict[str, str]:
    """The environment of a site in a data directory of its own."""
    left_out = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "OMP_NUM_THREADS")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return kept | {"ANNOTATOR_DATA": str(data), "REDIS_URL": redis}


def signed_in(address: str, environment: dict[str, str]) -> Person:
    """The owner."""
    said = subprocess.run([*ANNOTATOR, "login-link"], env=environment, cwd=ROOT, check=True, capture_output=True, text=True)
    person = Person(address)
    person.sign_in(said.stdout.strip().rpartition("token=")[2])
    return person


def uploaded(person: Person, process: psutil.Process, files: list[Path]) -> dict[str, float]:
    """Send every file, three batches at a time; CPU is the web process's."""
    project = ask(person, "POST", "projects", {"name": "Uploaded"})
    batch = ask(person, "POST", f"projects/{project['id']}/imports", {"expected": len(files)})
    secret = ask(person, "POST", "tokens", {"name": "bench", "scopes": ["read", "label", "manage"]})["token"]
    path = f"/api/projects/{project['id']}/imports/{batch['id']}/files"
    before, began, mine = process.cpu_times(), time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(LANES) as lanes:
        list(lanes.map(lambda group: send(person.address, path, secret, group), batches(files)))
    wall, after, client = time.perf_counter() - began, process.cpu_times(), time.process_time() - mine
    told = ask(person, "GET", f"projects/{project['id']}/imports/{batch['id']}")
    assert told["stored"] + told["duplicates"] == len(files), told
    cpu = after.user + after.system - before.user - before.system
    return {**pace(len(files), wall, cpu), "client_cpu_s": round(client, 2)}


def batches(files: list[Path]) -> Iterator[list[Path]]:
    """As the page cuts them."""
    group: list[Path] = []
    size = 0
    for file in files:
        length = file.stat().st_size
        if group and (len(group) == MOST_FILES or size + length > MOST_BYTES):
            yield group
            group, size = [], 0
        group.append(file)
        size += length
    if group:
        yield group


def send(address: str, path: str, secret: str, group: list[Path]) -> None:
    """One request."""
    mark = uuid4().hex
    body = io.BytesIO()
    for file in group:
        body.write(f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n\r\n'.encode())
        body.write(file.read_bytes() + b"\r\n")
    body.write(f"--{mark}--\r\n".encode())
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=120)
    headers = {"Content-Type": f"multipart/form-data; boundary={mark}", "Authorization": f"Bearer {secret}"}
    connection.request("POST", path, body.getvalue(), headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status == 200, (answer.status, content)


def imported(environment: dict[str, str], photos: Path) -> dict[str, float]:
    """`annotator import`, from the start of the command to its end."""
    before, began = getrusage(RUSAGE_CHILDREN), time.perf_counter()
    words = [sys.executable, "-m", "annotator.cli", "import", "Imported", str(photos)]
    said = subprocess.run(words, env=environment, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    wall, after = time.perf_counter() - began, getrusage(RUSAGE_CHILDREN)
    assert " refused." in said, said
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return pace(len(images_in(photos)), wall, cpu)


def pace(count: int, wall: float, cpu: float) -> dict[str, float]:
    """Of so many images."""
    return {
        "wall_s": round(wall, 2), "images_per_s": round(count / wall, 1), "cpu_ms_per_image": round(1000 * cpu / count, 2),
        "images_per_cpu_s": round(count / cpu, 1),
    }


if __name__ == "__main__":
    main()
