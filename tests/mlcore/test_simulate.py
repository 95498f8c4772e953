"""A replay measures what a person would have got, on images that the model never saw."""

import json

import numpy as np
import pytest

from annotator.cli import main
from mlcore.labelled_folder import FolderProblem, read_labelled_folder
from mlcore.simulate import area_under, labels_needed, prepare, simulate, split


@pytest.fixture
def pooled(clusters):
    """Features as a backbone pools them: not negative, of any length."""

    def make(n=400, n_classes=5, spread=0.8):
        data = clusters(n=n, n_classes=n_classes, dim=48, spread=spread)
        return np.maximum(data.features * 3 + 1, 0).astype(np.float32), data.truth

    return make


def test_curves_rise_towards_what_all_labels_give(pooled):
    gap, truth = pooled()
    result = simulate(gap, truth, 5, strategies=["auto", "random"], labels=60, batch=10, seeds=2)
    for curve in result.curves:
        assert curve.labels == (10, 20, 30, 40, 50, 60)
        assert curve.accuracy.shape == curve.macro_f1.shape == (2, 6)
        assert curve.accuracy[:, -1].mean() > curve.accuracy[:, 0].mean() - 0.01
        assert curve.accuracy[:, -1].mean() > 0.9 * result.full_accuracy.mean()
        assert curve.cpu_seconds > 0
    assert [curve.strategy for curve in result.curves] == ["auto", "random"]
    assert result.full_accuracy.mean() > result.majority.mean()


def test_the_labels_needed_are_where_the_curve_stays_above(pooled):
    gap, truth = pooled()
    result = simulate(gap, truth, 5, strategies=["random"], labels=60, batch=10, seeds=3)
    (curve,) = result.curves
    for accuracy, full, needed in zip(curve.accuracy, result.full_accuracy, curve.needed, strict=True):
        running = [accuracy[max(0, i - 2) : i + 1].mean() >= 0.9 * full for i in range(6)]
        assert needed == (curve.labels[running.index(True)] if any(running) else None)


def test_a_target_that_is_never_reached_is_none(pooled):
    gap, truth = pooled(n=600, n_classes=12, spread=2.5)
    (curve,) = simulate(gap, truth, 12, strategies=["random"], labels=10, batch=10, seeds=1).curves
    assert curve.needed == (None,)


def test_the_same_question_has_the_same_answer(pooled):
    gap, truth = pooled()
    first, second = (simulate(gap, truth, 5, strategies=["auto"], labels=30, seeds=1) for _ in range(2))
    np.testing.assert_array_equal(first.curves[0].accuracy, second.curves[0].accuracy)


def test_shuffled_labels_teach_nothing(pooled):
    """The test images are kept away from learning: without a pattern, accuracy stays at chance."""
    gap, truth = pooled(n=600)
    shuffled = np.random.default_rng(0).permutation(truth)
    result = simulate(gap, shuffled, 5, strategies=["random"], labels=200, batch=100, seeds=2)
    assert result.curves[0].accuracy.max() < 0.35


def test_nothing_of_what_is_held_out_reaches_the_learner(pooled):
    """Other pictures in the place of those held out leave the features that are learnt from as they were."""
    gap, truth = pooled(n=200)
    held_out = split(truth, test=0.3, seed=0)
    swapped = gap.copy()
    swapped[held_out] = np.random.default_rng(1).uniform(0, 50, swapped[held_out].shape)
    trials = [prepare(pictures, truth, 5, held_out=held_out, seed=0) for pictures in (gap, swapped)]
    np.testing.assert_array_equal(trials[0].features, trials[1].features)
    np.testing.assert_array_equal(trials[0].answers, trials[1].answers)


def test_every_class_is_measured_on(pooled):
    _, truth = pooled(n=103)
    held_out = split(truth, test=0.01, seed=0)
    assert sorted(truth[held_out]) == [0, 1, 2, 3, 4]


def test_a_split_that_comes_with_the_pictures_is_kept_for_every_seed(pooled):
    gap, truth = pooled()
    held_out = np.arange(len(truth)) % 4 == 0
    result = simulate(gap, truth, 5, strategies=["random"], labels=20, seeds=2, held_out=held_out)
    assert (result.pool_images, result.test_images) == (300, 100)
    assert result.full_accuracy[0] == result.full_accuracy[1]
    with pytest.raises(ValueError, match="no image to learn from"):
        prepare(gap, truth, 5, held_out=np.ones(len(truth), bool), seed=0)


def test_the_area_is_the_mean_height_of_the_curve():
    assert area_under([0.5, 0.5, 0.5], (10, 20, 40)) == pytest.approx(0.5)
    assert area_under([0.0, 1.0, 1.0], (10, 20, 40)) == pytest.approx((5 + 20) / 30)
    assert area_under([0.7], (10,)) == 0.7


def test_one_lucky_point_is_not_enough():
    assert labels_needed([0.1, 0.1, 0.95, 0.1, 0.9, 0.95, 0.95], (10, 20, 30, 40, 50, 60, 70), 0.9) == 70
    assert labels_needed([0.1, 0.2, 0.3], (10, 20, 30), 0.9) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labels": 5}, "labels is 5; give at least the batch of 10"),
        ({"labels": 10_000}, "at most the pool of 2"),
        ({"test": 1.5}, "between 0 and 1"),
        ({"seeds": 0}, "at least 1"),
    ],
)
def test_what_leaves_nothing_to_measure_is_refused(pooled, changes, words):
    gap, truth = pooled()
    with pytest.raises(ValueError, match=words):
        simulate(gap, truth, 5, **{"strategies": ["random"], "labels": 20, **changes})


class Brightness:
    """Stands for a network: its features are the file's length and class, and it counts what it is asked."""

    fingerprint, dim = "length-f32", 4

    def __init__(self):
        self.asked = 0

    def embed_sources(self, sources):
        for index, path in enumerate(sources):
            self.asked += 1
            yield index, np.full(4, len(path.read_bytes()), np.float32)


@pytest.fixture
def folder(tmp_path):
    for name, sizes in {"cat": (1, 2, 3), "dog": (4, 5)}.items():
        (tmp_path / "set" / name).mkdir(parents=True)
        for size in sizes:
            (tmp_path / "set" / name / f"{size}.jpg").write_bytes(b"x" * size)
    return tmp_path / "set"


def test_a_folder_of_classes_is_read_once(folder, tmp_path):
    network = Brightness()
    for _ in range(2):
        read = read_labelled_folder(folder, extractor=network, store_root=tmp_path / "store")
        assert read.classes == ("cat", "dog")
        assert read.labels.tolist() == [0, 0, 0, 1, 1]
        assert read.gap[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert network.asked == 5


def test_the_same_picture_twice_counts_once(folder, tmp_path):
    (folder / "dog" / "again.jpg").write_bytes(b"xx")
    read = read_labelled_folder(folder, extractor=Brightness(), store_root=tmp_path / "store")
    assert len(read.labels) == 5
    assert [reason.startswith("the same bytes as") for _, reason in read.skipped] == [True]


def test_a_folder_that_is_split_keeps_its_split(folder, tmp_path):
    (tmp_path / "parts").mkdir()
    folder.rename(tmp_path / "parts" / "train")
    (tmp_path / "parts" / "test" / "dog").mkdir(parents=True)
    for size in (5, 6):
        (tmp_path / "parts" / "test" / "dog" / f"other-{size}.jpg").write_bytes(b"x" * size)
    read = read_labelled_folder(tmp_path / "parts", extractor=Brightness(), store_root=tmp_path / "store")
    assert read.classes == ("cat", "dog")
    # The picture that lies in both parts measures, and is not learnt from.
    assert sorted(read.gap[read.held_out, 0]) == [5, 6]
    assert sorted(read.gap[~read.held_out, 0]) == [1, 2, 3, 4]


def test_a_list_of_pictures_is_read_with_its_split(folder, tmp_path):
    table = tmp_path / "list.csv"
    rows = ["set/cat/1.jpg,cat,train", "set/cat/2.jpg,cat,test", "set/dog/4.jpg,dog,train", "set/dog/5.jpg,dog,"]
    table.write_text("\n".join(["path,label,split", *rows]))
    read = read_labelled_folder(table, extractor=Brightness(), store_root=tmp_path / "store")
    assert dict(zip(read.gap[:, 0].tolist(), read.held_out.tolist(), strict=True)) == {1: False, 2: True, 4: False, 5: False}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,label\na,b", "columns path and label"),
        ("path,label\nset/cat/1.jpg,cat\nset/gone.jpg,dog", "row 3: there is no picture 'set/gone.jpg'"),
        ("path,label,split\nset/cat/1.jpg,cat,later", "row 2: split is 'later'; write train or test"),
        ("path,label,split\nset/cat/1.jpg,cat,test\nset/dog/4.jpg,dog,test", "keeps every picture for measuring"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(folder, tmp_path, text, words):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(FolderProblem, match=words):
        read_labelled_folder(tmp_path / "list.csv", extractor=Brightness(), store_root=tmp_path / "store")


def test_a_folder_without_classes_is_refused(folder, tmp_path):
    with pytest.raises(FolderProblem, match="at least two subfolders"):
        read_labelled_folder(folder / "cat", extractor=Brightness(), store_root=tmp_path / "store")
    with pytest.raises(FolderProblem, match="There is no folder"):
        read_labelled_folder(folder / "gone", extractor=Brightness(), store_root=tmp_path / "store")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """One data directory for all commands: the network is converted once."""
    return str(tmp_path_factory.mktemp("data"))


@pytest.fixture
def few_photos(photos, tmp_path):
    """Twelve photos of each of three classes, and a file that is none."""
    for place in sorted(path for path in photos.iterdir() if path.is_dir())[:3]:
        (tmp_path / "few" / place.name).mkdir(parents=True)
        for file in sorted(place.iterdir())[:12]:
            (tmp_path / "few" / place.name / file.name).write_bytes(file.read_bytes())
    (tmp_path / "few" / place.name / "broken.jpg").write_bytes(b"not a picture")
    return tmp_path / "few"


def test_the_command_prints_json(few_photos, data, capsys):
    words = ["simulate", str(few_photos), "--strategy", "auto,random", "--labels", "20", "--seeds", "2", "--json"]
    assert main([*words, "--data", data]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["images"] == 36
    assert report["skipped"] == 1
    assert list(report["strategies"]) == ["auto", "random"]
    curve = report["strategies"]["auto"]
    assert curve["labels"] == [10, 20]
    for measure in ("accuracy", "macro_f1"):
        assert len(curve[measure]["mean"]) == len(curve[measure]["std"]) == 2
    assert curve["labels_for_90_percent"]["seeds"] == curve["labels_for_95_percent"]["seeds"] == 2
    assert 0 < curve["area_under_accuracy"]["mean"] < 1
    assert report["full_data"]["accuracy"]["mean"] > report["full_data"]["majority_class"]["mean"]


def test_the_command_prints_a_table_for_people(few_photos, data, capsys):
    words = ["simulate", str(few_photos), "--strategy", "random", "--labels", "10", "--seeds", "1"]
    assert main([*words, "--data", data]) == 0
    said = capsys.readouterr().out
    assert "36 images, 3 classes" in said
    assert "for 90 %" in said
    assert "for 95 %" in said
    assert "random" in said.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--strategy", "magic"], "--strategy: 'magic' is not known; choose from auto"),
        (["--head", "magic"], "--head: 'magic' is not known"),
        (["--backbone", "magic"], "--backbone: 'magic' is not known"),
        (["--labels", "9999"], "labels is 9999"),
    ],
)
def test_the_command_refuses_in_one_sentence(few_photos, data, capsys, words, sentence):
    assert main(["simulate", str(few_photos), *words, "--data", data]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said
