"""What a fine-tuning run tells: how far it is, how each epoch was, what came out, or why nothing did."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

import torch


class Stopped(Exception):
    """`should_stop` said so; what is in the folder lets another run go on."""


class TooFew(ValueError):
    """There is not enough to learn from; the message says of what."""


@dataclass(frozen=True)
class Progress:
    """How far it is: `done` of `total` looks at a picture. stage: "cache" or "train". None where it is not known yet."""

    stage: str
    done: float
    total: float
    epoch: int = 0
    epochs: int = 0
    loss: float | None = None
    accuracy: float | None = None
    eta_seconds: float | None = None


@dataclass(frozen=True)
class Epoch:
    """One line of the history. loss: mean over the epoch's training; the rest on what was held out.

    held_out_loss: at the temperature that suits best.
    """

    number: int
    loss: float | None
    held_out_loss: float
    held_out_accuracy: float


@dataclass(frozen=True)
class Result:
    """What came out. weights: the backbone's state_dict after the best epoch. history[0]: before anything was trained.

    train, held_out, unreadable: pictures. seconds: wall time of this run, without what a run before it did.
    """

    weights: dict[str, torch.Tensor]
    history: tuple[Epoch, ...]
    best: Epoch
    train: int
    held_out: int
    unreadable: int
    precision: str
    seconds: float

    @property
    def improved(self) -> bool:
        """Whether the best epoch is better than the start, by loss or accuracy, on what was held out."""
        start = self.history[0]
        return self.best.held_out_loss < start.held_out_loss or self.best.held_out_accuracy > start.held_out_accuracy

    def facts(self) -> dict[str, Any]:
        """Everything but the weights, JSON-ready."""
        named = {name: getattr(self, name) for name in ("train", "held_out", "unreadable", "precision", "improved")}
        history = [asdict(line) for line in self.history]
        return {**named, "seconds": round(self.seconds, 1), "best": asdict(self.best), "history": history}


@dataclass
class State:
    """Where a run stands, as far as it is not tensors. epoch, step: what comes next; loss, seen: of the epoch so far."""

    epoch: int = 1
    step: int = 0
    loss: float = 0.0
    seen: float = 0.0
    history: list[Epoch] = field(default_factory=list)
    best: Epoch | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Self:
        """The state that gave this."""
        best = Epoch(**facts["best"]) if facts["best"] else None
        return cls(**{**facts, "history": [Epoch(**line) for line in facts["history"]], "best": best})

    def finish_epoch(self, line: Epoch) -> bool:
        """Note how an epoch was; answers whether it is the best so far."""
        self.history.append(line)
        self.epoch, self.step, self.loss, self.seen = line.number + 1, 0, 0.0, 0.0
        if self.best is not None and line.held_out_loss >= self.best.held_out_loss:
            return False
        self.best = line
        return True

    def over(self, *, epochs: int, patience: int) -> bool:
        """Whether all epochs are done, or `patience` of them in a row were no better."""
        return self.epoch > epochs or (self.best is not None and self.epoch - 1 - self.best.number >= patience)
