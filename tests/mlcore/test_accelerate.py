"""scikit-learn is accelerated where that was installed and is wanted, and gives the same answers as before."""

import subprocess
import sys

import pytest

from mlcore import accelerate

RUN = """
import numpy as np
from mlcore import accelerate
print(accelerate.patch().on)
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
rows = np.repeat(np.eye(3, 6, dtype=np.float32), 40, axis=0) + np.random.default_rng(0).normal(0, .01, (120, 6)).astype('f4')
owner = KMeans(3, n_init=5, random_state=0).fit(rows).labels_.reshape(3, 40)
assert (owner == owner[:, :1]).all() and len(set(owner[:, 0])) == 3
assert PCA(2).fit(rows).explained_variance_ratio_.sum() > .99
assert (NearestNeighbors(n_neighbors=1).fit(rows).kneighbors(rows)[1][:, 0] == np.arange(120)).all()
print(*sorted({kind.__module__.partition('.')[0] for kind in (KMeans, PCA, NearestNeighbors)}))
"""


def test_it_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(accelerate.importlib.util, "find_spec", lambda name: None)
    assert accelerate.patch() == accelerate.Acceleration(False, "scikit-learn-intelex is not installed.")


def test_it_does_nothing_where_it_is_not_wanted(monkeypatch):
    monkeypatch.setattr(accelerate.importlib.util, "find_spec", lambda name: object())
    assert accelerate.state().on
    assert not accelerate.patch(wanted=False).on
    assert accelerate.PACKAGE not in sys.modules


def test_it_refuses_to_come_too_late(monkeypatch):
    monkeypatch.setattr(accelerate.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "sklearn", object())
    monkeypatch.delitem(sys.modules, accelerate.PACKAGE, raising=False)
    with pytest.raises(RuntimeError, match="before"):
        accelerate.patch()


# The extra `intel` is not among what tests install: 130 MB for one answer.
if accelerate.state().on:

    @pytest.mark.slow
    def test_the_answers_stay_what_they_are():
        said = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr
        assert said.stdout.split() == ["True", "sklearnex"]
