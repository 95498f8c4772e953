"""A network is computed in the way that took the least on this machine, and the trial is made once."""

import json
from dataclasses import replace

import pytest

from mlcore.backbones import quickest as module
from mlcore.backbones.quickest import BATCHES, BLOCKED, Way, quickest, read
from mlcore.device import pick

LARGE, SMALL = max(BATCHES), min(BATCHES)
AVX2 = replace(pick("cpu"), openvino_precision="f32", cpu_features=("avx2",))
AVX512 = replace(AVX2, cpu_features=("avx2", "avx512f"))


@pytest.fixture
def costs(monkeypatch):
    """CPU seconds an image of each way, which a test sets; and which kernels were compiled."""
    clock, found = [0.0], {"compiled": []}
    monkeypatch.setattr(module.time, "process_time", lambda: clock[0])

    class Compiled:
        def __init__(self, blocked):
            self.blocked = blocked

        def create_infer_request(self):
            return self

        def infer(self, inputs, share_inputs):
            clock[0] += len(inputs[0]) * found[self.blocked, len(inputs[0])]

    def compiled(blocked):
        found["compiled"].append(blocked)
        return Compiled(blocked)

    found["compile"] = compiled
    return found


def tried(costs, folder, device=AVX2):
    return quickest(costs["compile"], name="net", size=8, device=device, folder=folder)


@pytest.mark.parametrize("best", [Way(blocked, batch) for blocked in (False, True) for batch in BATCHES])
def test_what_took_the_least_is_the_way(costs, tmp_path, best):
    costs |= {(blocked, batch): 0.010 for blocked in (False, True) for batch in BATCHES}
    costs[best.blocked, best.batch] = 0.008
    assert tried(costs, tmp_path) == best


def test_the_usual_way_stays_where_another_is_hardly_quicker(costs, tmp_path):
    costs |= {(False, LARGE): 0.0100, (False, SMALL): 0.0099, (True, LARGE): 0.0099, (True, SMALL): 0.0098}
    assert tried(costs, tmp_path) == Way()


def test_the_trial_is_made_once_on_a_machine(costs, tmp_path):
    costs |= {(False, LARGE): 0.010, (False, SMALL): 0.010, (True, LARGE): 0.009, (True, SMALL): 0.008}
    assert tried(costs, tmp_path) == tried(costs, tmp_path) == Way(blocked=True, batch=SMALL)
    assert costs["compiled"] == [False, True]
    assert [path.name for path in tmp_path.iterdir()] == ["net-f32.quickest.json"]


@pytest.mark.parametrize("spoil", [
    lambda kept: kept.write_text(json.dumps(json.loads(kept.read_text()) | {"machine": "another"})),
    lambda kept: kept.write_text(kept.read_text()[:20]),
    lambda kept: kept.write_text("[]"),
])
def test_another_machine_or_a_damaged_note_means_another_trial(costs, tmp_path, spoil):
    costs |= {(False, LARGE): 0.010, (False, SMALL): 0.010, (True, LARGE): 0.009, (True, SMALL): 0.008}
    tried(costs, tmp_path)
    spoil(tmp_path / "net-f32.quickest.json")
    costs[True, SMALL] = 0.020
    assert tried(costs, tmp_path) == Way(blocked=True, batch=LARGE)


def test_kernels_for_avx2_are_not_tried_beside_avx_512(costs, tmp_path):
    costs |= {(False, LARGE): 0.008, (False, SMALL): 0.010}
    assert tried(costs, tmp_path, AVX512) == Way()
    assert costs["compiled"] == [False]


def test_kernels_that_are_gone_are_done_without(costs, tmp_path):
    compiled = costs["compile"]

    def without(blocked):
        if blocked:
            raise RuntimeError("Unsupported CPU implementation")
        return compiled(blocked)

    costs |= {(False, LARGE): 0.010, (False, SMALL): 0.008, "compile": without}
    assert tried(costs, tmp_path) == Way(blocked=False, batch=SMALL)


def test_every_layer_of_a_kind_is_asked_for_its_kernels(tmp_path):
    layers = "".join(
        f'<layer id="{number}" type="{kind}"><data strides="1, 1" />{info}<input/></layer>'
        for number, (kind, info) in enumerate([
            ("Convolution", ""), ("GroupConvolution", '<rt_info><attribute name="x" version="0" /></rt_info>'), ("Add", ""),
        ])
    )
    (tmp_path / "net.xml").write_text(f"<net>{layers}</net>")
    (tmp_path / "net.bin").touch()

    class Core:
        def read_model(self, text, weights):
            return text.decode()

    first, second, third = read(Core(), tmp_path / "net.xml", blocked=True).split("</layer>")[:3]
    asked = f'<attribute name="primitives_priority" version="0" value="{BLOCKED["Convolution"]}" />'
    assert f"<rt_info>{asked}</rt_info>" in first
    assert second.count("<rt_info>") == 1
    assert BLOCKED["GroupConvolution"] in second
    assert "primitives_priority" not in third
