"""Fine-tuning itself: cache, train, judge on what was held out, keep the best. Killed, it goes on where it was."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from mlcore.device import Device, pick
from mlcore.edge.preprocess import Source
from mlcore.finetune import checkpoint
from mlcore.finetune.classifier import WEIGHT_POWER, Classifier, Tuned
from mlcore.finetune.inputs import Inputs, Look
from mlcore.finetune.outcome import Epoch, Progress, Result, State, Stopped, TooFew
from mlcore.finetune.plan import Step, batches, schedule, split
from mlcore.finetune.recipe import Recipe
from mlcore.finetune.stages import cut, has_depthwise, whole
from mlcore.finetune.world import World
from mlcore.heads.softmax_fit import class_weights
from mlcore.types import Floats, Ints

# Below this many readable pictures nothing can be held out and learnt from.
FEWEST = 4
# A longer gradient is shortened to this: roots are steep near 0.
LONGEST_GRADIENT = 5.0
# Pictures that are judged at a time, and what judging one costs, of what training on it does.
JUDGED, JUDGING = 64, 1 / 3
# At which the held-out images are judged.
TEMPERATURES = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)

Weights = dict[str, torch.Tensor]


def finetune(
    network: nn.Module,
    pictures: Sequence[Source],
    labels: Ints,
    *,
    classes: int,
    look: Look,
    recipe: Recipe,
    folder: Path,
    device: Device | None = None,
    threads: int = 1,
    world: World | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Train a backbone, (n, 3, s, s) -> pooled (n, dim), in place on n pictures with labels (n,) in 0..classes-1.

    Statistics of batch-norm stay as they are: a few hundred images are too few for new ones. What happens depends on
    the arguments alone, so a run that goes on from the checkpoint in `folder` ends as one that was never stopped, and
    several processes (`world`) end as one does. threads: that read pictures. Raises Stopped, TooFew, NoRoom, Uncuttable.
    """
    run = _Run(network, recipe=recipe, folder=folder, device=device or pick("cpu"), world=world or World())
    run.tell, run.should_stop = progress, should_stop
    run.labels, run.classes = np.asarray(labels, np.int64), classes
    run.open(pictures, look, threads)
    return run.go()


class _Run:
    labels: Ints
    classes: int
    tell: Callable[[Progress], None]
    should_stop: Callable[[], bool]
    inputs: Inputs

    def __init__(self, network: nn.Module, *, recipe: Recipe, folder: Path, device: Device, world: World) -> None:
        self.recipe, self.folder, self.world = recipe, folder, world
        self.device = torch.device(device.kind, world.local_rank) if device.kind != "cpu" else torch.device("cpu")
        self.precision = _precision(recipe, device, network)
        self.network = network.eval().requires_grad_(False)
        self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.trunk: nn.Module | None
        self.tail: nn.Module
        self.trunk, self.tail = (None, whole(network)) if recipe.mode == "full" else cut(network, recipe.blocks)
        self.tail.requires_grad_(True)
        self.began = time.perf_counter()
        self._restart_clock(0.0)

    def open(self, pictures: Sequence[Source], look: Look, threads: int) -> None:
        """Compute the inputs, each process of a machine its share, and decide what is held out."""
        world = self.world
        self.inputs = Inputs(
            self.folder / f"node{world.node}", pictures, look=look, views=self.recipe.views, trunk=self.trunk,
            device=self.device,
        )
        self.total = float(self.inputs.looks + self.recipe.epochs * len(pictures))
        if world.local_rank == 0:
            self.inputs.make_room()
        world.wait()
        self._restart_clock(float(self.inputs.filled))

        def seen(count: int) -> None:
            self.done += count * world.local_size
            self._say("cache")

        stopped = self.inputs.fill(
            share=world.local_rank, shares=world.local_size, threads=threads, seen=seen, stop=self.should_stop
        )
        # Also waits for the others.
        self._stop_if(stopped)
        readable = self.inputs.readable()
        self.train, self.held_out = split(readable, self.labels[readable], share=self.recipe.held_out, seed=self.recipe.seed)
        if len(self.train) < max(FEWEST, world.size) or len(np.unique(self.labels[self.train])) < 2:
            raise TooFew("Too few pictures can be read to fine-tune on: at least four, of two classes, are needed.")
        self.unreadable = len(pictures) - len(readable)
        # The weight of each label, by its row.
        self.weights = np.ones(len(self.labels), np.float32)
        self.weights[self.train] = class_weights(self.labels[self.train], self.classes, WEIGHT_POWER)

    def go(self) -> Result:
        """Train from the beginning, or from the checkpoint."""
        with torch.no_grad():
            dim = self.tail(self.inputs.batch(self.train[:1], np.zeros(1, np.int64))).shape[1]
        tuned = Tuned(self.tail, Classifier(dim, self.classes)).to(self.device)
        optimizer = _optimizer(tuned, self.recipe)
        found = checkpoint.load(self.folder, network=tuned, optimizer=optimizer)
        best, state = (found[0], State.from_dict(found[1])) if found else self._begin(tuned)
        per_epoch = len(self.train) + JUDGING * len(self.held_out)
        self.total = self.inputs.looks + self.recipe.epochs * per_epoch
        self._restart_clock(self.inputs.looks + (state.epoch - 1) * per_epoch + state.step * self.recipe.batch)
        network = self.world.wrap(tuned, self.device, idle=self.tail is self.network)
        while not state.over(epochs=self.recipe.epochs, patience=self.recipe.patience):
            self._train_epoch(network, tuned, optimizer, best, state)
            if state.finish_epoch(self._judge(tuned, state.epoch, state.loss / state.seen)):
                best = _copy(tuned)
            self._save(tuned, optimizer, best, state)
        tuned.load_state_dict(best)
        assert state.best is not None  # noqa: S101  at least one epoch was done
        weights = {name: value.detach().to("cpu").contiguous() for name, value in self.network.state_dict().items()}
        return Result(
            weights=weights, history=tuple(state.history), best=state.best, train=len(self.train),
            held_out=len(self.held_out), unreadable=self.unreadable, precision=self.precision,
            seconds=time.perf_counter() - self.began,
        )

    def _begin(self, tuned: Tuned) -> tuple[Weights, State]:
        """The classifier of the frozen backbone, and how good it is: what has to be beaten."""
        if self.world.leads:
            tuned.classifier.start_from(self._pooled(tuned.tail, self.train), self.labels[self.train])
        self.world.share(tuned.classifier)
        return _copy(tuned), State(history=[self._judge(tuned, 0, None)])

    def _train_epoch(
        self, network: nn.Module, tuned: Tuned, optimizer: torch.optim.Optimizer, best: Weights, state: State
    ) -> None:
        world = self.world
        todo = batches(self.train, recipe=self.recipe, epoch=state.epoch, processes=world.size)
        for step in range(state.step, len(todo)):
            now = todo[step]
            factor = schedule((state.epoch - 1) * len(todo) + step, self.recipe.epochs * len(todo))
            for group in optimizer.param_groups:
                group["lr"] = group["highest"] * factor
            own, partners = self.weights[now.rows], self.weights[now.rows[now.partners]]
            weight = float((now.shares * own + (1 - now.shares) * partners).sum())
            loss = self._loss(network, now, slice(world.rank, None, world.size))
            optimizer.zero_grad(set_to_none=True)
            # Gradients are averaged over the processes; the mean over all images of the step is meant.
            (loss * (world.size / weight)).backward()
            nn.utils.clip_grad_norm_(tuned.parameters(), LONGEST_GRADIENT)
            optimizer.step()
            all_losses, stop = world.sums(float(loss.detach()), float(self.should_stop()), device=self.device)
            state.loss, state.seen, state.step = state.loss + all_losses, state.seen + weight, step + 1
            self.done += len(now.rows)
            self._say("train", state)
            if stop or state.step % self.recipe.checkpoint_steps == 0:
                self._save(tuned, optimizer, best, state)
            if stop:
                raise Stopped

    def _loss(self, network: nn.Module, step: Step, mine: slice) -> torch.Tensor:
        """The weighted sum of cross-entropies of some images of a step."""
        rows, views, partners = step.rows[mine], step.views[mine], step.partners[mine]
        inputs = self.inputs.batch(rows, views)
        shares = torch.from_numpy(step.shares[mine]).to(self.device)
        if self.recipe.mix:
            others = self.inputs.batch(step.rows[partners], step.views[partners])
            inputs = torch.lerp(others, inputs, shares[:, None, None, None])
        with self._autocast():
            logits = network(inputs).float()
        each = shares * self._entropies(logits, rows)
        if self.recipe.mix:
            each = each + (1 - shares) * self._entropies(logits, step.rows[partners])
        return each.sum()

    def _entropies(self, logits: torch.Tensor, rows: Ints) -> torch.Tensor:
        """(n,): the cross-entropy of logits (n, classes) and the labels of rows, times their weights."""
        truth = torch.from_numpy(self.labels[rows]).to(self.device)
        weights = torch.from_numpy(self.weights[rows]).to(self.device)
        return weights * functional.cross_entropy(logits, truth, label_smoothing=self.recipe.smoothing, reduction="none")

    def _judge(self, tuned: Tuned, epoch: int, loss: float | None) -> Epoch:
        """Log-loss and accuracy on the held-out images, each process judging its share.

        The loss is that at the temperature which suits best, as the head that follows has one of its own: otherwise the
        longer it learns, the surer it is, and the earliest epochs would win.
        """
        losses, right = np.zeros(len(TEMPERATURES)), 0.0
        rows = self.held_out[self.world.rank :: self.world.size]
        for start in range(0, len(rows), JUDGED):
            some = rows[start : start + JUDGED]
            with torch.no_grad(), self._autocast():
                logits = tuned(self.inputs.batch(some, np.zeros(len(some), np.int64)))
            truth = torch.from_numpy(self.labels[some]).to(self.device)
            losses += [float(functional.cross_entropy(logits.float() / t, truth, reduction="sum")) for t in TEMPERATURES]
            right += float((logits.argmax(1) == truth).sum())
        *sums, right = self.world.sums(*losses.tolist(), right, device=self.device)
        self.done += JUDGING * len(self.held_out)
        return Epoch(epoch, loss, min(sums) / len(self.held_out), right / len(self.held_out))

    def _pooled(self, tail: nn.Module, rows: Ints) -> Floats:
        """(n, dim) float32: the features of rows as they are now."""
        found = []
        for start in range(0, len(rows), JUDGED):
            some = rows[start : start + JUDGED]
            with torch.no_grad():
                found.append(tail(self.inputs.batch(some, np.zeros(len(some), np.int64))).cpu().numpy())
        return np.concatenate(found)

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.precision == "bf16" else nullcontext()

    def _save(self, tuned: Tuned, optimizer: torch.optim.Optimizer, best: Weights, state: State) -> None:
        if self.world.leads:
            checkpoint.save(self.folder, network=tuned, optimizer=optimizer, best=best, facts=state.as_dict())

    def _stop_if(self, stop: bool) -> None:
        (stopping,) = self.world.sums(float(stop), device=self.device)
        if stopping:
            raise Stopped

    def _restart_clock(self, done: float) -> None:
        """What comes takes another time for each picture than what was."""
        self.clock, self.done, self.at_first = time.perf_counter(), done, done

    def _say(self, stage: str, state: State | None = None) -> None:
        if not self.world.leads:
            return
        moved = self.done - self.at_first
        seconds = (time.perf_counter() - self.clock) * (self.total - self.done) / moved if moved > 0 else None
        self.tell(Progress(
            stage=stage, done=min(self.done, self.total), total=self.total, epoch=state.epoch if state else 0,
            epochs=self.recipe.epochs, loss=state.loss / state.seen if state and state.seen else None,
            accuracy=state.history[-1].held_out_accuracy if state else None,
            eta_seconds=None if seconds is None else max(0.0, seconds),
        ))


def _copy(network: nn.Module) -> Weights:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _optimizer(tuned: Tuned, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW; scales, offsets and the classifier are not decayed."""
    matrices = [value for value in tuned.tail.parameters() if value.ndim > 1]
    vectors = [value for value in tuned.tail.parameters() if value.ndim <= 1]
    groups = [
        {"params": matrices, "highest": recipe.rate, "weight_decay": recipe.decay},
        {"params": vectors, "highest": recipe.rate, "weight_decay": 0.0},
        {"params": list(tuned.classifier.parameters()), "highest": recipe.classifier_rate, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=recipe.rate)


def _precision(recipe: Recipe, device: Device, network: nn.Module) -> str:
    """bfloat16 where it pays: on GPUs that have it, and on processors that have it for networks without depthwise layers."""
    if recipe.precision != "auto":
        return recipe.precision
    if device.torch_dtype != "bfloat16" or (device.kind == "cpu" and has_depthwise(network)):
        return "f32"
    return "bf16"
