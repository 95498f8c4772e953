"""The folder of one fine-tuning run, in plain JSON; each file is whole or not there at all.

    task.json        written once, before the run: see Task
    progress.json    how it stands: see Status
    stop             somebody wants it to stop
    result.json      the history and the name of the tuned backbone
    checkpoint.safetensors, node*/    the run's own
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

TASK, PROGRESS, STOP, RESULT = "task.json", "progress.json", "stop", "result.json"


@dataclass(frozen=True)
class Task:
    """backbone: name of what is trained. tuned: the folder of fine-tuned backbones, where the result goes too.

    pictures: paths; labels: a class 0..classes-1 for each. recipe: as `Recipe` takes it. device: "auto", "cpu" or "cuda".
    title, made_at: for the card of the result.
    """

    backbone: str
    tuned: str
    pictures: list[str]
    labels: list[int]
    classes: int
    recipe: dict[str, Any] = field(default_factory=dict)
    device: str = "auto"
    title: str = ""
    made_at: str = ""

    def write(self, folder: Path) -> None:
        """Put the task into its folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / TASK, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The task of a folder. Raises FileNotFoundError."""
        return cls(**json.loads((folder / TASK).read_text()))


@dataclass(frozen=True)
class Status:
    """How a run stands. done, total: looks at a picture. problem: the sentence that ended it, or empty."""

    state: Literal["running", "done", "stopped", "failed"] = "running"
    done: float = 0.0
    total: float = 1.0
    message: str = ""
    problem: str = ""

    def write(self, folder: Path) -> None:
        """Put it into the folder."""
        write_json(folder / PROGRESS, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """How the run of a folder stands; one that has not begun has done nothing."""
        path = folder / PROGRESS
        return cls(**json.loads(path.read_text())) if path.exists() else cls()


def read_result(folder: Path) -> dict[str, Any] | None:
    """What came out, or None: `Result.facts()` and "backbone", the name of the tuned one, empty where it is no better."""
    path = folder / RESULT
    found: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    return found


def write_json(path: Path, content: dict[str, Any]) -> None:
    """A file that appears whole or not at all."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(json.dumps(content))
    beside.replace(path)
