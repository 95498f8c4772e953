"""The choice of device follows what the machine has, and says why."""

import sys
from types import SimpleNamespace

import pytest

from mlcore import device


@pytest.fixture
def machine(monkeypatch):
    """Pretend a processor with these flags, and torch with or without an accelerator."""

    def pretend(*, flags: str, torch: object = None, openvino_gpu: bool = False):
        cpuinfo = {"flags": flags, "model name": "A Processor"}
        monkeypatch.setattr(device, "_cpuinfo", lambda key: cpuinfo.get(key, ""))
        monkeypatch.setattr(device, "_torch_drives_accelerators", lambda: torch is not None)
        monkeypatch.setattr(device, "_openvino_has", lambda name: openvino_gpu and name == "GPU")
        if torch is not None:
            monkeypatch.setitem(sys.modules, "torch", torch)
        device.cpu_features.cache_clear()
        device.cpu_name_of_this_machine.cache_clear()

    yield pretend
    device.cpu_features.cache_clear()
    device.cpu_name_of_this_machine.cache_clear()


def accelerators(*, cuda=False, xpu=False, bf16=True):
    return SimpleNamespace(
        cuda=SimpleNamespace(
            is_available=lambda: cuda, get_device_name=lambda number: "A GPU", is_bf16_supported=lambda: bf16
        ),
        xpu=SimpleNamespace(is_available=lambda: xpu, get_device_name=lambda number: "An Arc"),
    )


def test_a_processor_with_bfloat16_computes_in_it(machine):
    machine(flags="avx2 avx512f avx512_bf16 amx_bf16 avx512_vnni amx_int8")
    picked = device.pick()
    assert (picked.kind, picked.torch_dtype, picked.openvino_device, picked.openvino_precision) == (
        "cpu",
        "bfloat16",
        "CPU",
        "bf16",
    )
    assert picked.cpu_features == ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8")
    assert picked.why == "A Processor computes in bfloat16, because it has avx512_bf16."


def test_a_processor_without_it_computes_in_float32(machine):
    machine(flags="sse2 avx2")
    picked = device.pick()
    assert (picked.torch_dtype, picked.openvino_precision) == ("float32", "f32")
    assert "lacks bfloat16" in picked.why


def test_cuda_trains_while_openvino_stays_on_the_processor(machine):
    machine(flags="avx2", torch=accelerators(cuda=True, xpu=True))
    picked = device.pick()
    assert (picked.kind, picked.torch_dtype) == ("cuda", "bfloat16")
    assert (picked.openvino_device, picked.openvino_precision) == ("CPU", "f32")


def test_an_old_gpu_trains_in_float32(machine):
    machine(flags="avx2", torch=accelerators(cuda=True, bf16=False))
    assert device.pick().torch_dtype == "float32"


@pytest.mark.parametrize(("openvino_gpu", "expected"), [(True, ("GPU", "f16")), (False, ("CPU", "f32"))])
def test_an_intel_gpu_serves_both_where_openvino_sees_it(machine, openvino_gpu, expected):
    machine(flags="avx2", torch=accelerators(xpu=True), openvino_gpu=openvino_gpu)
    picked = device.pick()
    assert picked.kind == "xpu"
    assert (picked.openvino_device, picked.openvino_precision) == expected


def test_what_is_asked_for_wins(machine):
    machine(flags="avx2", torch=accelerators(cuda=True, xpu=True))
    assert device.pick("cpu").kind == "cpu"
    assert device.pick("xpu").kind == "xpu"


def test_what_is_absent_or_unknown_is_refused(machine):
    machine(flags="avx2", torch=accelerators())
    with pytest.raises(ValueError, match="finds no cuda device here; choose auto or cpu"):
        device.pick("cuda")
    with pytest.raises(ValueError, match="Unknown device 'tpu'"):
        device.pick("tpu")


def test_answers_on_this_very_machine():
    picked = device.pick("cpu")
    assert picked.name
    assert picked.why.startswith(picked.name)
