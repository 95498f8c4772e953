"""Fine-tuning as a process: alone, or one of many under torchrun.

    python -m mlcore.finetune.run FOLDER
    torchrun --nproc-per-node 4 -m mlcore.finetune.run FOLDER

FOLDER holds task.json; all processes, on whatever machine, must see it. Exit codes: 0 done, 3 a problem (a sentence in
progress.json), 4 stopped. Started again after it was killed, it goes on from its last checkpoint.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlcore.finetune.outcome import Progress, Result, Stopped, TooFew
from mlcore.finetune.recipe import Recipe
from mlcore.finetune.task import RESULT, STOP, Status, Task, write_json

if TYPE_CHECKING:
    from mlcore.device import Device
    from mlcore.finetune.world import World

DONE, PROBLEM, STOPPED = 0, 3, 4
# Progress is written this often at most, and whoever started it looked after as often, in seconds.
TELL_SECONDS = 0.5


def main(words: list[str] | None = None) -> int:
    """Run the task of a folder."""
    options = _options(words)
    if options.nice and hasattr(os, "nice"):
        os.nice(options.nice)
    # Before torch looks: the same numbers each time, on GPUs too.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    from mlcore.device import pick
    from mlcore.finetune.world import joined

    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    task = Task.read(options.folder)
    try:
        device = pick(task.device)
    except ValueError as problem:
        Status("failed", problem=str(problem)).write(options.folder)
        return PROBLEM
    with joined(device.kind) as world:
        teller = Teller(options.folder, leads=world.leads, guardian=options.guardian)
        with _locked(options.folder, leads=world.leads):
            try:
                result = _train(task, options, teller, device=device, world=world)
            except Stopped:
                teller.say(Status("stopped"))
                return STOPPED
            except _problems() as problem:
                teller.say(Status("failed", problem=str(problem)))
                return PROBLEM
            if world.leads:
                _keep(task, result, options.folder)
            teller.say(Status("done", 1.0, 1.0))
    return DONE


def _train(task: Task, options: argparse.Namespace, teller: "Teller", *, device: "Device", world: "World") -> Result:
    import numpy as np

    from mlcore.backbones import find
    from mlcore.finetune.inputs import Look
    from mlcore.finetune.train import finetune

    backbone = find(task.backbone, Path(task.tuned))
    return finetune(
        backbone.module(), [Path(name) for name in task.pictures], np.asarray(task.labels, np.int64), classes=task.classes,
        look=Look(backbone.input_size, backbone.mean, backbone.scale), recipe=Recipe(**task.recipe), folder=options.folder,
        device=device, threads=options.threads, world=world, progress=teller.progress, should_stop=teller.should_stop,
    )


def _keep(task: Task, result: Result, folder: Path) -> None:
    """Save the tuned backbone, if it is any better, and then the result, which names it."""
    from mlcore.backbones import find, save_tuned

    facts = result.facts()
    if not result.improved:
        write_json(folder / RESULT, facts | {"backbone": ""})
        return
    card = {"recipe": task.recipe, "result": {name: value for name, value in facts.items() if name != "history"}}
    name = save_tuned(
        Path(task.tuned), base=find(task.backbone, Path(task.tuned)), state_dict=result.weights, recipe=card,
        made_at=task.made_at, title=task.title,
    )
    write_json(folder / RESULT, facts | {"backbone": name})


class Teller:
    """Between the run and its folder: writes how it stands, reads whether it should stop."""

    def __init__(self, folder: Path, *, leads: bool, guardian: int | None) -> None:
        self._folder, self._leads, self._guardian = folder, leads, guardian
        self._told = self._looked = 0.0
        self._stop = False

    def progress(self, progress: Progress) -> None:
        """Write it down, a few times a second at most."""
        now = time.monotonic()
        if now - self._told >= TELL_SECONDS:
            self._told = now
            self.say(Status("running", progress.done, progress.total, in_words(progress)))

    def should_stop(self) -> bool:
        """Whether somebody asked for it. Where whoever started this process has died, it ends at once."""
        now = time.monotonic()
        if now - self._looked >= TELL_SECONDS:
            self._looked = now
            if self._guardian is not None and not _alive(self._guardian):
                sys.exit(STOPPED)
            self._stop = self._leads and (self._folder / STOP).exists()
        return self._stop

    def say(self, status: Status) -> None:
        """Write the status, if it is ours to write."""
        if self._leads:
            status.write(self._folder)


def in_words(progress: Progress) -> str:
    """For people: what it does, and how good it has become."""
    if progress.stage == "cache":
        return "Reading the pictures"
    words = f"Epoch {progress.epoch} of {progress.epochs}"
    if progress.loss is not None:
        words += f", loss {progress.loss:.3f}"
    if progress.accuracy is not None:
        words += f", {progress.accuracy:.1%} right of those held out"
    return words


@contextmanager
def _locked(folder: Path, *, leads: bool) -> Iterator[None]:
    """Held by the process that leads: a run that seemed dead and is not must end before another goes on."""
    if not leads:
        yield
        return
    import fcntl

    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _problems() -> tuple[type[Exception], ...]:
    """What ends a run with a sentence."""
    from mlcore.backbones import BackboneMissing, TunedProblem
    from mlcore.finetune.inputs import NoRoom
    from mlcore.finetune.stages import Uncuttable

    return TooFew, NoRoom, Uncuttable, BackboneMissing, TunedProblem


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # One that has died and that nobody has asked about yet still has its number, where /proc tells.
    stat = Path(f"/proc/{process}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def _options(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mlcore.finetune.run", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where task.json is")
    parser.add_argument("--threads", type=int, default=1, help="cores of each process (default: %(default)s)")
    parser.add_argument("--nice", type=int, default=0, help="let others go first, up to 19 (default: %(default)s)")
    parser.add_argument("--guardian", type=int, metavar="PID", help="end when this process of the same machine has ended")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
