"""How many labels each strategy needs: `annotator simulate` over the photos and over scikit-learn's digits.

    python -m benchmarks.simulate [--photos FOLDER] [--strategies a,b] [--labels 200] [--seeds 5] [--json PATH]

Same splits and seeds for every strategy. The photos are TrashNet (Gary Thung and Mindy Yang, MIT) where the tests have them.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, deliver, parser
from tests.installation import ANNOTATOR
from tests.photos import real_photos, write_digits


def main() -> None:
    """Replay each folder and deliver the reports as they are."""
    made = parser(__doc__)
    made.add_argument("--photos", type=Path, help="a folder with one folder of images for each class")
    made.add_argument("--strategies", default="auto,margin,random")
    made.add_argument("--labels", type=int, default=200)
    made.add_argument("--seeds", type=int, default=5)
    options = made.parse_args()
    with tempfile.TemporaryDirectory() as name:
        digits = write_digits(Path(name) / "digits")
        photos = options.photos or real_photos()
        words = ["--strategy", options.strategies, "--labels", str(options.labels), "--seeds", str(options.seeds)]
        folders = [replay(folder, [*words, "--data", f"{name}/data"]) for folder in (photos, digits) if folder]
    deliver({"labels": options.labels, "seeds": options.seeds, "folders": folders}, options.json)


def replay(folder: Path, words: list[str]) -> dict[str, Any]:
    """What the command prints."""
    said = subprocess.run(
        [*ANNOTATOR, "simulate", str(folder), *words, "--json"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return dict(json.loads(said.stdout))


if __name__ == "__main__":
    main()
