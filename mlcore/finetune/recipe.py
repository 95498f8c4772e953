"""Every choice that fine-tuning makes, in one place, so that a run can be told and repeated."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

Mode = Literal["partial", "full"]
MODES: tuple[Mode, ...] = ("partial", "full")
MOST_EPOCHS = 100


@dataclass(frozen=True)
class Recipe:
    """How to fine-tune.

    mode: "partial" trains the last blocks on activations that are computed once, "full" the whole network on pixels.
    blocks: how many blocks partial fine-tuning trains; None takes what suits the network. epochs: passes over the
    training images. batch: images of one step, of all processes together. rate: highest learning rate of the backbone;
    classifier_rate: of the temporary classifier on top. decay: weight decay (AdamW; Loshchilov and Hutter, ICLR 2019).
    smoothing: of labels. held_out: share of the images that only decides which epoch was best. patience: epochs without
    a better one until it stops. mirror: every second look at an image is mirrored. mix: each image is blended with another
    of its step, and its label too, by a share from Beta(mix, mix); 0 for never. precision: "auto" takes bfloat16 where it
    pays. checkpoint_steps: steps between two checkpoints.
    """

    mode: Mode = "partial"
    blocks: int | None = None
    epochs: int = 8
    batch: int = 16
    rate: float = 3e-4
    classifier_rate: float = 1e-3
    decay: float = 0.02
    smoothing: float = 0.1
    held_out: float = 0.15
    patience: int = 6
    mirror: bool = True
    mix: float = 0.4
    precision: Literal["auto", "bf16", "f32"] = "auto"
    checkpoint_steps: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode is {self.mode!r}: use partial or full.")
        if not 1 <= self.epochs <= MOST_EPOCHS:
            raise ValueError(f"epochs is {self.epochs}: use 1 to {MOST_EPOCHS}.")
        if self.batch < 1:
            raise ValueError(f"batch is {self.batch}: use 1 or more.")
        if self.blocks is not None and self.blocks < 1:
            raise ValueError(f"blocks is {self.blocks}: train at least one.")
        if not 0 < self.held_out < 1:
            raise ValueError(f"held_out is {self.held_out}: use a share between 0 and 1.")
        if self.mix < 0:
            raise ValueError(f"mix is {self.mix}: use 0 or more.")

    @classmethod
    def for_mode(cls, mode: Mode, *, epochs: int | None = None, mirror: bool = True, seed: int = 0) -> Self:
        """What we recommend. The whole network takes a third of the learning rate: its early layers are good as they are."""
        recipe = cls(mode=mode, mirror=mirror, seed=seed)
        if mode == "full":
            recipe = replace(recipe, rate=1e-4, epochs=6, batch=32)
        return recipe if epochs is None else replace(recipe, epochs=epochs)

    @property
    def views(self) -> int:
        """In how many ways an image is looked at."""
        return 2 if self.mirror else 1

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; `Recipe(**...)` gives it back."""
        return asdict(self)
