"""Baal's BALD (Apache-2.0): a small torch head with dropout on the cached features, trained and asked by Baal's own loop."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from scipy.special import softmax

from benchmarks.learning_curves.question import START, Question
from mlcore import torchvision_shim
from mlcore.simulate import Point

HIDDEN, DROPOUT = 256, 0.5
EPOCHS, BATCH, LEARNING_RATE = 40, 32, 1e-3
# Passes with dropout that the disagreement is taken over.
PASSES = 20


def run(question: Question, points: Sequence[int]) -> Iterator[Point]:
    """Replay: random START images, then what BALD ranks first; the head is trained anew from one start each time."""
    import logging

    import structlog
    import torch

    torchvision_shim.ensure()  # Baal's metrics import torchvision
    from baal import ActiveLearningDataset, ModelWrapper
    from baal.active import ActiveLearningLoop
    from baal.active.heuristics import BALD
    from baal.bayesian.dropout import patch_module
    from baal.modelwrapper import TrainingArgs
    from torch import nn
    from torch.utils.data import TensorDataset

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    torch.manual_seed(question.trial.seed)
    trial = question.trial
    images = TensorDataset(torch.from_numpy(question.pooled), torch.from_numpy(trial.answers))
    tests = TensorDataset(torch.from_numpy(question.pooled_held_out), torch.from_numpy(trial.expected))
    active = ActiveLearningDataset(images, random_state=trial.seed)
    model = patch_module(
        nn.Sequential(
            nn.Linear(question.pooled.shape[1], HIDDEN), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(HIDDEN, trial.n_classes)
        )
    )
    start = deepcopy(model.state_dict())
    arguments = TrainingArgs(
        batch_size=BATCH, epoch=EPOCHS, use_cuda=False, workers=0, criterion=nn.CrossEntropyLoss()
    )
    wrapper = ModelWrapper(model, arguments)
    loop = ActiveLearningLoop(active, wrapper.predict_on_dataset, BALD(), iterations=PASSES, verbose=False)
    for goal in points:
        started = time.process_time()
        _label(active, loop, goal, question)
        model.load_state_dict(start)
        arguments.optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE)
        wrapper.train_on_dataset(active)
        spent = time.process_time() - started
        passes = softmax(wrapper.predict_on_dataset(tests, PASSES, verbose=False), axis=1)
        yield Point(goal, np.asarray(passes.mean(axis=-1).argmax(axis=1), np.int64), spent)


def _label(active: Any, loop: Any, goal: int, question: Question) -> None:
    known = len(active)
    if not known:
        active.label([int(row) for row in question.random_order()[: max(goal, START)]])
    else:
        loop.query_size = goal - known
        loop.step()
