"""How many labels it takes: a labelled folder replayed through the loop, ours against the classics.

    python -m benchmarks.curves [--photos FOLDER] [--strategies auto,margin,random] [--labels 200] [--seeds 5] [--json PATH]

The same as `annotator simulate`: the learner asks, the folder names answer, and test images that it never saw measure it.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from annotator.cli.simulate import as_report
from benchmarks.common import deliver, parser
from mlcore import backbones
from mlcore.labelled_folder import read_labelled_folder
from mlcore.simulate import simulate
from tests.photos import real_photos, write_digits


def main() -> None:
    """One folder, every strategy, every seed."""
    options = _options()
    with tempfile.TemporaryDirectory() as kept:
        source = options.photos or real_photos() or write_digits(Path(kept) / "digits")
        extractor = backbones.extractor(options.backbone, folder=Path(kept) / "ir")
        folder = read_labelled_folder(source, extractor=extractor, store_root=Path(kept) / "features")
    result = simulate(
        folder.gap, folder.labels, len(folder.classes), strategies=options.strategies.split(","), labels=options.labels,
        batch=options.batch, seeds=options.seeds, test=0.3, head=options.head,
    )
    options.folder = source
    deliver(as_report(folder, result, options, extractor.fingerprint), options.json)


def _options() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument("--photos", type=Path, help="one subfolder a class (default: the one that the tests use)")
    made.add_argument("--strategies", default="auto,margin,random")
    made.add_argument("--head", default="blend")
    made.add_argument("--backbone", default=backbones.DEFAULT)
    made.add_argument("--labels", type=int, default=200)
    made.add_argument("--batch", type=int, default=10)
    made.add_argument("--seeds", type=int, default=5)
    return made.parse_args()


if __name__ == "__main__":
    main()
