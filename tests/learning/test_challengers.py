"""Another backbone serves only if it is better on audit labels, and until then the one at work goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from annotator import pipeline
from annotator.images.models import Image
from annotator.jobs import progress
from annotator.jobs.models import Job
from annotator.learning import challenge, challenge_run, embed
from annotator.learning.learn import learn
from annotator.learning.models import Challenger, FeatureSet, ModelVersion
from annotator.projects.errors import Conflict, Invalid, NotReady
from mlcore import backbones
from mlcore.store import FeatureStore
from tests.export.tiny import tiny_backbone
from tests.learning.world import DIM, World

State = Challenger.State


class Rival:
    """A backbone that sees an invented world as sharply as it is told; counts the images it was shown."""

    dim = DIM

    def __init__(self, world: World) -> None:
        self.world = world
        self.backbone = tiny_backbone(Path(__file__))
        self.fingerprint = f"rival-f32-{uuid4().hex[:12]}"
        self.spread = 0.35
        self.seen = 0
        self.dies_at: int | None = None
        self.unreadable: set[int] = set()

    @property
    def store(self) -> FeatureStore:
        return FeatureStore(embed.settings.DATA_DIR / "features", self.fingerprint, DIM)

    def embed(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return np.zeros((len(pixels), DIM), np.float32)

    def compute(self, images: list[Image], extractor: Any) -> tuple[dict[str, npt.NDArray[np.float32]], dict[int, str]]:
        vectors, problems = {}, {}
        for image in images:
            if self.dies_at is not None and self.seen >= self.dies_at:
                raise SystemExit("killed")
            self.seen += 1
            if image.pk in self.unreadable:
                problems[image.pk] = f"{image.name} is damaged."
                continue
            before, self.world.spread = self.world.spread, self.spread
            vectors[image.sha256] = self.world.vector(image)
            self.world.spread = before
        return vectors, problems


@pytest.fixture
def rival(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rival]:
    """The backbone `rival`, beside the one at work, which sees poorly."""
    made = Rival(world)
    monkeypatch.setitem(backbones.REGISTRY, "rival", made.backbone)
    monkeypatch.setattr(embed, "ready_extractor", lambda backbone, fingerprint="": made)
    monkeypatch.setattr(embed, "compute", made.compute)
    yield made


@pytest.fixture
def poor(world: World) -> World:
    """The world as the backbone at work sees it: labelled, judged by forty images, and none too clear."""
    world.project.feature_set.delete()
    world.spread = 1.2
    world.fingerprint = f"poor-f32-{uuid4().hex[:12]}"
    FeatureSet.objects.create(project=world.project, backbone="lite0", fingerprint=world.fingerprint, dim=DIM)
    world.feature(list(world.project.images.all()))
    world.say_some(40)
    for image in world.audit():
        world.say(image)
    learn(world.project.pk)
    return world


@pytest.fixture
def committed(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> Callable[[Callable[[], Any]], Any]:
    """Does something, then what waits for the commit; nothing is sent anywhere."""

    def do(action: Callable[[], Any]) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return action()

    return do


def run(challenger: Challenger) -> Challenger:
    """Its job, from start to end."""
    challenger.refresh_from_db()
    job = progress.claim(str(challenger.job_id))
    assert job is not None
    with progress.running(job) as running:
        challenge_run.run_challenge(running)
    challenger.refresh_from_db()
    return challenger


def tried(world: World) -> Challenger:
    return run(challenge.start(project=world.project, backbone="rival", user=world.owner))


def at_work(world: World) -> tuple[str, str]:
    world.project.refresh_from_db()
    found = FeatureSet.objects.get(project=world.project)
    return world.project.backbone, found.fingerprint


def test_a_better_one_serves(poor: World, rival: Rival) -> None:
    rival.spread = 0.2
    before = ModelVersion.objects.get(state="serving")

    challenger = tried(poor)

    assert challenger.state == State.WON
    assert at_work(poor) == ("rival", rival.fingerprint)
    comparison = challenger.comparison
    assert comparison["verdict"] == "won" and comparison["p"] < 0.05
    assert comparison["new"]["accuracy"]["value"] > comparison["old"]["accuracy"]["value"]
    assert comparison["n"] == len(poor.audit()) and comparison["labels"] == 40
    # The model before serves until the next turn has made one in the new features.
    before.refresh_from_db()
    assert before.state == "serving"
    after = learn(poor.project.pk)
    before.refresh_from_db()
    assert after is not None and after.space.backbone == "rival" and before.state == "retired"
    assert after.accuracy is not None and before.accuracy is not None and after.accuracy > before.accuracy


def test_a_worse_one_never_serves(world: World, rival: Rival) -> None:
    rival.spread = 3.0
    world.say_some(40)
    for image in world.audit():
        world.say(image)

    challenger = tried(world)

    assert challenger.state == State.LOST
    assert at_work(world) == ("lite0", world.fingerprint)
    assert "stays" in challenger.note
    version = learn(world.project.pk)
    assert version is not None and version.space.backbone == "lite0"


def test_an_undecided_one_waits_and_can_be_forced(world: World, rival: Rival) -> None:
    world.say_some(40)
    for image in world.audit()[:8]:
        world.say(image)

    challenger = tried(world)
    assert challenger.state == State.UNDECIDED
    assert "8 audit images" in challenger.note
    assert at_work(world) == ("lite0", world.fingerprint)

    challenger = run(challenge.use(challenger=challenger, user=world.owner))
    assert challenger.state == State.WON
    assert challenger.note == "Used anyway, as olga wished."
    assert at_work(world) == ("rival", rival.fingerprint)
    assert (rival.store.rows([image.sha256 for image in world.project.images.all()]) >= 0).all()


def test_without_audit_labels_nothing_is_decided(world: World, rival: Rival) -> None:
    world.say_some(10)

    challenger = tried(world)

    assert challenger.state == State.UNDECIDED
    assert challenger.note == "No audit image is labelled yet: label some, and it is judged."


def test_more_audit_labels_let_it_be_judged_again(poor: World, rival: Rival) -> None:
    rival.spread = 0.2
    labelled = len(poor.audit())
    poor.add_images(60)
    challenger = Challenger.objects.create(
        project=poor.project, backbone="rival", state=State.UNDECIDED, looks=1, comparison={"audit_labelled": labelled - 5}
    )
    challenge.look_again()
    challenger.refresh_from_db()
    assert challenger.state == State.UNDECIDED

    challenger.comparison = {"audit_labelled": labelled - challenge.MORE_LABELS}
    challenger.save()
    challenge.look_again()
    challenger = run(challenger)

    # The second look asks for twice the certainty.
    assert (challenger.state, challenger.looks) == (State.WON, 2)
    assert challenger.comparison["alpha"] == 0.025


def test_one_that_had_all_audit_labels_is_not_judged_again(poor: World, rival: Rival) -> None:
    rival.spread = poor.spread
    challenger = tried(poor)
    assert challenger.state == State.UNDECIDED and "only more images can tell" in challenger.note

    challenge.look_again()

    challenger.refresh_from_db()
    assert challenger.state == State.UNDECIDED


def test_it_waits_while_another_is_being_tried(poor: World, rival: Rival) -> None:
    Challenger.objects.create(project=poor.project, backbone="lite1", state=State.JUDGED)
    undecided = Challenger.objects.create(
        project=poor.project, backbone="rival", state=State.UNDECIDED, comparison={"audit_labelled": 1}
    )

    challenge.look_again()

    undecided.refresh_from_db()
    assert undecided.state == State.UNDECIDED


def test_a_project_without_labels_takes_it_at_once(world: World, rival: Rival) -> None:
    challenger = challenge.start(project=world.project, backbone="rival", user=world.owner)

    assert challenger.state == State.WON
    assert world.project.backbone == "rival"
    assert not FeatureSet.objects.filter(project=world.project).exists()
    assert embed.waiting(world.project.pk).count() == 200


def test_two_cannot_be_tried_at_once(poor: World, rival: Rival, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backbones.REGISTRY, "third", rival.backbone)
    first = challenge.start(project=poor.project, backbone="rival", user=poor.owner)
    waiting = Challenger.objects.create(project=poor.project, backbone="third", state=State.LOST)

    with pytest.raises(Conflict, match="is being tried"):
        challenge.start(project=poor.project, backbone="third", user=poor.owner)
    with pytest.raises(Conflict, match="is being tried"):
        challenge.use(challenger=waiting, user=poor.owner)

    assert [one.pk for one in Challenger.objects.filter(state__in=Challenger.OPEN)] == [first.pk]


@pytest.mark.parametrize(("name", "error"), [("lite0", Conflict), ("vgg", Invalid), ("tuned-000000000000", Invalid)])
def test_one_that_cannot_be_tried_is_refused(name: str, error: type[Exception], poor: World) -> None:
    with pytest.raises(error):
        challenge.start(project=poor.project, backbone=name, user=poor.owner)
    assert not Challenger.objects.exists()


def test_one_whose_weights_are_missing_says_how_to_get_them(poor: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", "/nowhere")
    with pytest.raises(NotReady, match="ResNet-50 are not on this server"):
        challenge.start(project=poor.project, backbone="resnet50", user=poor.owner)


def test_a_loser_costs_only_what_it_is_judged_by(world: World, rival: Rival, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(challenge_run, "SAMPLE", 30)
    rival.spread = 3.0
    world.say_some(20)
    for image in world.audit():
        world.say(image)

    assert tried(world).state == State.LOST

    assert rival.seen <= 20 + len(world.audit()) + 30


def test_a_killed_worker_goes_on_where_it_stopped(
    poor: World, rival: Rival, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embed, "BATCH", 10)
    rival.spread, rival.dies_at = 0.2, 55
    challenger = challenge.start(project=poor.project, backbone="rival", user=poor.owner)
    with pytest.raises(SystemExit):
        run(challenger)
    challenger.refresh_from_db()
    assert challenger.state == State.COMPUTING and Job.objects.get(pk=challenger.job_id).state == Job.State.QUEUED

    rival.dies_at = None
    assert run(challenger).state == State.WON
    assert rival.seen == 200 + 5


def test_images_that_arrive_meanwhile_get_both(poor: World, rival: Rival, monkeypatch: pytest.MonkeyPatch) -> None:
    rival.spread = 0.2
    monkeypatch.setattr(challenge_run, "CHUNK", 50)
    before = challenge_run._record

    def and_more(*args: Any) -> None:
        before(*args)
        poor.add_images(7)

    monkeypatch.setattr(challenge_run, "_record", and_more)

    tried(poor)

    hashes = list(poor.project.images.values_list("sha256", flat=True))
    assert len(hashes) == 207
    assert (poor.store.rows(hashes) >= 0).all() and (rival.store.rows(hashes) >= 0).all()
    assert not embed.waiting(poor.project.pk).exists()


def test_an_image_that_cannot_be_read_is_left_out(poor: World, rival: Rival) -> None:
    rival.spread = 0.2
    rival.unreadable = {poor.audit()[0].pk, poor.pool()[0].pk}

    challenger = tried(poor)

    assert challenger.state == State.WON
    assert challenger.comparison["n"] == len(poor.audit()) - 1
    assert "is damaged" in Job.objects.get(pk=challenger.job_id).log


def test_it_can_be_cancelled_while_it_waits(poor: World, rival: Rival, committed: Callable[..., Any]) -> None:
    challenger = challenge.start(project=poor.project, backbone="rival", user=poor.owner)
    committed(lambda: challenge.cancel(challenger=challenger))
    challenger.refresh_from_db()
    assert challenger.state == State.CANCELLED
    assert Job.objects.get(pk=challenger.job_id).state == Job.State.CANCELLED
    with pytest.raises(Conflict, match="ended already"):
        challenge.cancel(challenger=challenger)


def test_it_can_be_cancelled_while_it_computes(
    poor: World, rival: Rival, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "TELL_SECONDS", 0.0)
    monkeypatch.setattr(embed, "BATCH", 10)
    challenger = challenge.start(project=poor.project, backbone="rival", user=poor.owner)
    compute = rival.compute

    def then_cancel(*args: Any) -> Any:
        challenger.refresh_from_db()
        challenge.cancel(challenger=challenger)
        return compute(*args)

    monkeypatch.setattr(embed, "compute", then_cancel)
    assert run(challenger).state == State.CANCELLED
    assert at_work(poor) == ("lite0", poor.fingerprint)
    assert rival.seen == 10


def test_a_job_that_fails_says_why(poor: World, rival: Rival, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> Any:
        raise NotReady("The weights have gone.")

    monkeypatch.setattr(embed, "ready_extractor", gone)
    challenger = tried(poor)
    assert (challenger.state, challenger.note) == (State.FAILED, "The weights have gone.")


def test_changing_the_backbone_in_the_settings_tries_it(poor: World, rival: Rival, committed: Callable[..., Any]) -> None:
    committed(lambda: pipeline.change_project(project=poor.project, user=poor.owner, backbone="rival", head="logistic"))

    poor.project.refresh_from_db()
    assert (poor.project.backbone, poor.project.head) == ("lite0", "logistic")
    assert Challenger.objects.get().state == State.COMPUTING
    assert not embed.waiting(poor.project.pk).exists()


def test_the_switch_leads_to_a_turn(
    poor: World, rival: Rival, committed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rival.spread = 0.2
    asked: list[int] = []
    monkeypatch.setattr(pipeline, "_learn", asked.append)
    committed(lambda: tried(poor))
    assert poor.project.pk in asked
