"""The place on a device where pictures are answered, and where one model takes over from another without a pause."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mlcore.edge.in_order import in_order
from mlcore.edge.preprocess import Pixels, UnreadableImage
from mlcore.edge.runtime import Answer, InferenceFailed, Model, Picture

# The code of a picture that was read, but that the device could not compute an answer for.
BY_MODEL = "failed"

NO_MODEL = "There is no model here yet; deploy one to this device and ask again."


class NoModel(Exception):
    """There is nothing to answer with yet; the message is a sentence with the mend."""


@dataclass(frozen=True)
class Seen:
    """One answer that was given.

    ``picture`` is what was handed in, ``pixels`` uint8 (size, size, 3) what the model saw; ``ms`` is the time it took,
    ``at`` seconds since 1970, ``number`` the bundle's, None where its lineage has none.
    """

    pixels: Pixels
    picture: Picture
    answer: Answer
    ms: float
    at: float
    source: str
    number: int | None


@dataclass(frozen=True)
class Missed:
    """One picture that got no answer.

    ``code`` is that of UnreadableImage, or BY_MODEL where the picture was good and the model failed; ``message`` a sentence.
    """

    message: str
    code: str
    at: float
    source: str
    number: int | None


class _Serving:
    """A model and how many answers are under way on it."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.under_way = 0


class Station:
    """Answers from any number of threads with the model that serves now.

    ``observers`` are called with each Seen and ``miss_observers`` with each Missed, in the thread that asked and before it
    gets its answer: they have to be quick and may not raise.
    """

    def __init__(self, model: Model | None = None) -> None:
        self.observers: list[Callable[[Seen], None]] = []
        self.miss_observers: list[Callable[[Missed], None]] = []
        self._changed = threading.Condition()
        self._serving = _Serving(model) if model else None

    @property
    def model(self) -> Model | None:
        """The model that the next picture will be answered by."""
        serving = self._serving
        return serving.model if serving else None

    def swap(self, model: Model) -> None:
        """Let ``model`` answer from now on; returns when no answer is under way on the one before.

        Nobody waits: what began on the old model ends on it, what comes next begins on the new one.
        """
        with self._changed:
            before, self._serving = self._serving, _Serving(model)
            if before is not None:
                self._changed.wait_for(lambda: not before.under_way)

    def answer(self, picture: Picture, source: str = "", *, top: int | None = None, many: bool = False) -> Answer:
        """Answer for one picture; ``many`` says that others are asked for beside it (see Model.answer).

        Raises NoModel, UnreadableImage, InferenceFailed.
        """
        return self.see(picture, source, top=top, many=many).answer

    def see(
        self, picture: Picture, source: str = "", *, top: int | None = None, many: bool = False, tell_misses: bool = True
    ) -> Seen:
        """``answer`` with all that belongs to it; without ``tell_misses`` an error is the caller's alone.

        Raises NoModel, UnreadableImage, InferenceFailed.
        """
        began = time.perf_counter()
        with self._lease() as model:
            try:
                pixels = model.read(picture)
                answer = model.answer_pixels(pixels, top, many=many)
            except (UnreadableImage, InferenceFailed) as problem:
                if tell_misses:
                    self.tell_missed(_missed(problem, source, model.number))
                raise
        ms = (time.perf_counter() - began) * 1000
        seen = Seen(pixels, picture, answer, ms, time.time(), source, model.number)
        for observer in self.observers:
            observer(seen)
        return seen

    def look(
        self, picture: Picture, source: str = "", *, top: int | None = None, many: bool = False, tell_misses: bool = True
    ) -> Seen | Missed:
        """``see`` with its errors as a Missed. Raises NoModel."""
        try:
            return self.see(picture, source, top=top, many=many, tell_misses=tell_misses)
        except (UnreadableImage, InferenceFailed) as problem:
            return _missed(problem, source, self.model.number if self.model else None)

    def see_many(
        self, pictures: Iterable[tuple[str, Picture]], *, top: int | None = None, tell_misses: bool = True
    ) -> Iterator[Seen | Missed]:
        """Answer for many (source, picture), in their order, as quickly as the device can, reading few of them ahead.

        A picture without an answer has its Missed in the answer's place. Raises NoModel.
        """

        def look(entry: tuple[str, Picture]) -> Seen | Missed:
            return self.look(entry[1], entry[0], top=top, many=True, tell_misses=tell_misses)

        with self._lease() as model:
            hands = model.hands
        return in_order(look, pictures, threads=hands)

    def tell_missed(self, missed: Missed) -> None:
        """Call the observers of misses."""
        for observer in self.miss_observers:
            observer(missed)

    @contextmanager
    def _lease(self) -> Iterator[Model]:
        with self._changed:
            serving = self._serving
            if serving is None:
                raise NoModel(NO_MODEL)
            serving.under_way += 1
        try:
            yield serving.model
        finally:
            with self._changed:
                serving.under_way -= 1
                if not serving.under_way and serving is not self._serving:
                    self._changed.notify_all()


def _missed(problem: UnreadableImage | InferenceFailed, source: str, number: int | None) -> Missed:
    code = problem.code if isinstance(problem, UnreadableImage) else BY_MODEL
    return Missed(str(problem), code, time.time(), source, number)
