"""Images that devices sent because they found them hard: they wait beside the strategy's choice, hardest first.

The strategy chooses as if they were not there, and the queue hands one of these out at every third task. How hard they are
is what the model says now, not on the device: what has been learnt since counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotator.images.models import Image, Import
from annotator.learning.answers import Answers
from annotator.learning.data import Warm
from annotator.projects.models import Project
from mlcore.hardest import hardest_first
from mlcore.loop import Step
from mlcore.reasons import Reason, explain
from mlcore.types import Flags, Ints, Pool

# So many of the newest wait at a time: with every third task one of them, that lasts for six hundred.
MOST = 200
# Of so many of the newest imports; each is what one device sent in one day.
IMPORTS = 100
UNLIKE = "unlike anything it was trained on"
HARD = "the device found it hard"


@dataclass(frozen=True)
class Sent:
    """Rows of the pool (k,) that came from devices and nobody has answered, newest first, and the name of each's device."""

    rows: Ints
    names: dict[int, str]

    def among(self, n: int) -> Flags:
        """(n,) bool: which rows of the pool these are."""
        flags = np.zeros(n, np.bool_)
        flags[self.rows] = True
        return flags


def waiting(project: Project, known: Warm) -> Sent:
    """What has come from devices and waits for an answer, at most MOST of the newest."""
    imports = Import.objects.filter(project=project, source=Import.Source.DEVICE).order_by("-id")
    devices = dict(imports.values_list("id", "name")[:IMPORTS])
    if not devices:
        return Sent(np.zeros(0, np.int64), {})
    # By import, and sorted here: in the order of its ids a database would look through a million images for these.
    sent = Image.objects.filter(batch__in=list(devices), standing=None, featured=True).values_list("id", "batch")
    found = sorted(sent, reverse=True)[:MOST]
    rows = known.pool.find([image for image, _ in found])
    names = {int(row): devices[batch or 0] for row, (_, batch) in zip(rows, found, strict=True) if row >= 0}
    return Sent(rows[rows >= 0], names)


def order(known: Warm, said: Answers, turn: Step, sent: Sent) -> tuple[Ints, list[Reason]]:
    """Those that may be asked, hardest first (k,), and why each is hard."""
    if not len(sent.rows):
        return sent.rows, []
    pool = Pool(known.pool.z, turn.probabilities, said.labels, said.in_flight, said.excluded, len(said.classes))
    rows = sent.rows[pool.choosable[sent.rows]]
    if not len(rows):
        return rows, []
    p = None if turn.probabilities is None else turn.probabilities[rows]
    rows = rows[hardest_first(pool.features[rows], pool.features[pool.labelled], p)]
    return rows, explain(pool, rows, "auto")
