"""How often "so many labels are still needed" was right: projects labelled again, forecast on the way, and then labelled on.

    python -m benchmarks.forecast [--photos FOLDER] [--seeds 10] [--cache FOLDER] [--json PATH]

Each repeat has its own split: images to learn from, audit images, and test images that nobody else sees and that say when
95 % of the accuracy that a label on every image gives was really there. The forecast sees what the learn page would: the
audit estimates up to then, with as many audit labels as labelling has brought along (every tenth task), or with all of them
from the start (audit images labelled at import). Photos are TrashNet (Gary Thung and Mindy Yang, MIT), where the tests have
them; digits are scikit-learn's. With a cache, features and repeats are kept there, and it can be taken in parts.
"""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import deliver, parser
from mlcore import backbones
from mlcore.evaluation import accuracy, ppi_accuracy, wilson
from mlcore.forecast import CONFIDENCE, LEAST_JUDGED, SHARE, forecast, from_interval
from mlcore.labelled_folder import LabelledFolder, read_labelled_folder
from mlcore.loop import step
from mlcore.projection import Projection
from mlcore.simulate import labels_needed, split
from tests.photos import real_photos, write_digits

TEST, AUDIT = 0.4, 0.15
EVERY_TENTH, FROM_THE_START = "every tenth task", "all from the start"
DIGITS_EACH = 120
MOMENTS = (50, 100, 150, 200, 300, 400)


@dataclass(frozen=True)
class Repeat:
    """One project labelled to its end: at labels (k,) probabilities (k, m, C) of its audit images, accuracy (k,) on its
    test images; audit (m,): the audit images' classes; everything: images to learn from."""

    labels: list[int]
    said: list[Any]
    tested: list[float]
    audit: Any
    everything: int

    @property
    def needed(self) -> int:
        """Labels that were really needed."""
        found = labels_needed(self.tested, self.labels, SHARE * self.tested[-1])
        return self.everything if found is None else found


def main() -> None:
    """Every folder, every repeat."""
    made = parser(__doc__)
    made.add_argument("--photos", type=Path, help="a folder with one folder of images for each class")
    made.add_argument("--seeds", type=int, default=10)
    made.add_argument("--cache", type=Path, help="keep features and repeats here, and take those that are here as they are")
    options = made.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        kept = options.cache or Path(name)
        extractor = backbones.extractor("lite0", folder=kept / "ir")
        for path in (options.photos or real_photos(), write_digits(Path(name) / "digits", each=DIGITS_EACH)):
            if path:
                folder = read_labelled_folder(path, extractor=extractor, store_root=kept / "features")
                repeats = [once(kept / f"{path.name}-{seed}.npz", folder, seed) for seed in range(options.seeds)]
                rows += judged(path.name, repeats)
    deliver(
        {"seeds": options.seeds, "share": SHARE, "confidence": CONFIDENCE, "rows": rows, "all": together(rows)}, options.json
    )


def once(path: Path, folder: LabelledFolder, seed: int) -> Repeat:
    """The repeat that is kept at path, or a new one, which is kept there."""
    if not path.exists():
        made = label_again(folder, seed)
        np.savez(path, labels=made.labels, said=made.said, tested=made.tested, audit=made.audit, everything=made.everything)
    with np.load(path) as found:
        return Repeat(
            found["labels"].tolist(), list(found["said"]), found["tested"].tolist(), found["audit"], int(found["everything"])
        )


def label_again(folder: LabelledFolder, seed: int) -> Repeat:
    """Ask, answer truly, learn, until every image to learn from has a label."""
    classes = len(folder.classes)
    test = split(folder.labels, test=TEST, seed=seed)
    rng = np.random.default_rng(seed)
    rest = rng.permutation(np.flatnonzero(~test))
    audit, learn = np.split(rest, [round(AUDIT * len(rest))])
    projection = Projection().fit(folder.gap[learn], seed)
    z, z_audit, z_test = (projection.transform(folder.gap[rows]) for rows in (learn, audit, np.flatnonzero(test)))
    truth, labels = folder.labels[learn], np.full(len(learn), -1, np.int64)
    nobody = np.zeros(len(learn), np.bool_)
    counts, said, tested, previous = [], [], [], None
    while True:
        given = int((labels >= 0).sum())
        turn = step(
            features=z, labels=labels, n_classes=classes, in_flight=nobody, excluded=nobody, k=_batch(given),
            previous=previous, seed=seed * 100_003 + given,
        )
        previous = turn.carry()
        if turn.head is not None:
            counts.append(given)
            said.append(turn.head.predict_proba(z_audit))
            tested.append(accuracy(folder.labels[test], turn.head.predict_proba(z_test).argmax(axis=1)))
        if given == len(learn):
            return Repeat(counts, said, tested, folder.labels[audit], len(learn))
        asked = turn.selection.indices
        labels[asked] = truth[asked]


def _batch(given: int) -> int:
    """Every ten labels while it matters, then ever more."""
    return 10 if given < 200 else 20 if given < 400 else given // 5 // 20 * 20


def judged(name: str, repeats: list[Repeat]) -> list[dict[str, Any]]:
    """Of one folder: for each rhythm and moment how often something was said, and how often that was right."""
    rows = []
    for rhythm in (EVERY_TENTH, FROM_THE_START):
        for moment in MOMENTS:
            found = [told for repeat in repeats if (told := at(repeat, moment, rhythm)) is not None]
            open_still = [told for told in found if told["truth"] > 0]
            rows.append({
                "folder": name, "rhythm": rhythm, "labels": moment, "repeats": len(repeats), "said": len(found),
                "right": sum(told["right"] for told in found), "said_before": len(open_still),
                "right_before": sum(told["right"] for told in open_still),
                "needed": statistics.median(repeat.needed for repeat in repeats),
                "told": statistics.median(told["about"] + moment for told in found) if found else None,
                "low": statistics.median(told["low"] + moment for told in found) if found else None,
                "high": statistics.median(told["high"] + moment for told in found) if found else None,
            })
    return rows


def at(repeat: Repeat, moment: int, rhythm: str) -> dict[str, Any] | None:
    """What would have been said at that many labels, and whether it was right; None where nothing was."""
    points = [
        estimate(labels, p, repeat.audit, len(repeat.audit) if rhythm == FROM_THE_START else labels // 9)
        for labels, p in zip(repeat.labels, repeat.said, strict=True)
        if labels <= moment
    ]
    seen = [point for point in points if point["n"] >= 2]
    if not seen or seen[-1]["n"] < LEAST_JUDGED:
        return None
    found = forecast(
        [point["labels"] for point in seen], [point["value"] for point in seen], [point["error"] for point in seen],
        everything=repeat.everything,
    )
    if found is None:
        return None
    about, low, high = found.more(moment)
    truth = max(0, repeat.needed - moment)
    return {"about": about, "low": low, "high": high, "truth": truth, "right": low <= truth <= high}


def estimate(labels: int, probabilities: Any, truth: Any, judged_so_far: int) -> dict[str, Any]:
    """One point of the learn page's curve: the prediction-powered estimate from ten audit labels on, as there."""
    n = min(judged_so_far, len(truth))
    right, sure = probabilities.argmax(axis=1) == truth, probabilities.max(axis=1)
    low, high = wilson(int(right[:n].sum()), n)
    if n >= LEAST_JUDGED:
        powered = ppi_accuracy(right[:n], sure[:n], sure[n:])
        low, high = powered.low, powered.high
    value, error = from_interval(low, high)
    return {"labels": labels, "n": n, "value": value, "error": error}


def together(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Over all folders and moments, for each rhythm."""
    found = {}
    for rhythm in (EVERY_TENTH, FROM_THE_START):
        mine = [row for row in rows if row["rhythm"] == rhythm]
        counted = ("repeats", "said", "right", "said_before", "right_before")
        found[rhythm] = {name: sum(row[name] for row in mine) for name in counted}
    return found


if __name__ == "__main__":
    main()
