"""How long `annotator up` takes, and how much memory and disk: at first, at rest, at work, and after learning.

    python -m benchmarks.startup [--photos FOLDER] [--labels 60] [--warm 5] [--json PATH]

The first start has an empty data directory (the database is made), the others find theirs. Memory is read from the kernel
for every process: USS is what would come free if it ended, PSS shares what several map alike, so only PSS adds up. The
peak is that of all processes together, read every half second from the import to the last label.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.common import deliver, parser
from benchmarks.installed import installed_mb
from benchmarks.site import (
    fill,
    fresh_installation,
    label,
    memory,
    owner_of,
    photos_for,
    running,
    total,
    until_healthy,
    wait_for_model,
)
from tests.installation import Installation

REST = 10.0
LONG_REST = 45.0
EVERY = 0.5


def main() -> None:
    """Measure and deliver."""
    made = parser(__doc__)
    made.add_argument("--photos", type=Path, help="a folder with one folder of images for each class")
    made.add_argument("--labels", type=int, default=60, help="answers to give (default: %(default)s)")
    made.add_argument("--warm", type=int, default=5, help="starts after the first (default: %(default)s)")
    options = made.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        photos = photos_for(options.photos, Path(folder))
        first = start(data)
        again = [start(data) for _ in range(options.warm)]
        result = {
            "first": first,
            "again": {key: round(statistics.median(one[key] for one in again), 2) for key in first},
            "again_starts": len(again),
            **at_work(data, photos, options.labels),
            "installed_mb": installed_mb(),
        }
    deliver(result, options.json)


def start(data: Path) -> dict[str, float]:
    """One start, from the command to health."""
    began = time.perf_counter()
    site = fresh_installation(data).launch()
    try:
        return until_healthy(site, began)
    finally:
        site.stop()


def at_work(data: Path, photos: Path, labels: int) -> dict[str, Any]:
    """Memory of each process as the site goes from rest to work and back."""
    with running(data) as site:
        person = owner_of(site)
        time.sleep(REST)
        idle = memory(site)
        peak = Peak(site)
        with peak:
            project = fill(site, person, photos, "Photos")
            label(person, project, labels)
            wait_for_model(person, project)
        after = memory(site)
        time.sleep(LONG_REST)
        rested = memory(site)
        images = project["progress"]["images"]
    size = sum(file.stat().st_size for file in data.rglob("*") if file.is_file())
    return {
        "images": images, "labels": labels, "rest_s": LONG_REST,
        "memory": {"idle": idle, "after_learning": after, "rested": rested},
        "pss_total_mb": {"idle": total(idle), "peak": peak.mb, "after_learning": total(after), "rested": total(rested)},
        "data_kb_per_image": round(size / 1024 / images, 1),
    }


class Peak:
    """The largest PSS of all processes together while the `with` lasts, in megabytes."""

    def __init__(self, site: Installation) -> None:
        self.site = site
        self.mb = 0.0
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> None:
        self._watch.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()

    def _read(self) -> None:
        while not self._over.wait(EVERY):
            self.mb = max(self.mb, total(memory(self.site)))


if __name__ == "__main__":
    main()
