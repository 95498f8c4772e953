"""Whose turn it is among clusters, and who speaks for one."""

import numpy as np

from mlcore.strategies.typiclust import champions, typicality


def test_clusters_without_a_label_come_first_the_largest_first():
    owner = np.repeat([0, 1, 2], [20, 30, 10])
    chosen = champions(np.ones(60, np.float32), owner, covered=np.array([1]))
    assert owner[chosen].tolist() == [0, 2, 1]


def test_a_handful_of_odd_images_comes_last():
    owner = np.repeat([0, 1, 2], [4, 10, 8])
    chosen = champions(np.ones(22, np.float32), owner, covered=np.array([1, 1]))
    assert owner[chosen].tolist() == [2, 1, 0]


def test_the_middle_of_a_cluster_speaks_for_it():
    line = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [40.0]], np.float32)
    typical = typicality(line, np.zeros(6, np.int64), neighbours=4)
    assert typical.argmax() == 2
    assert typical.argmin() == 5


def test_neighbours_in_another_cluster_do_not_count():
    pair = np.array([[0.0], [0.1], [0.2], [5.0]], np.float32)
    typical = typicality(pair, np.array([0, 1, 1, 0]), neighbours=2)
    assert np.allclose(typical, [1 / 5, 1 / 0.1, 1 / 0.1, 1 / 5], rtol=1e-2)
