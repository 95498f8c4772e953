"""Weights that are downloaded are held against their hash, and every network builds as its card says."""

import hashlib
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mlcore import backbones
from mlcore.backbones import REGISTRY, timm_nets
from mlcore.backbones.ir import cached_ir
from mlcore.backbones.torch_files import download, downloaded


@pytest.fixture
def published(tmp_path):
    """A file as torch publishes them: its name ends in the first digits of its hash."""
    data = b"weights"
    path = tmp_path / f"net-{hashlib.sha256(data).hexdigest()[:8]}.pth"
    path.write_bytes(data)
    return path


@pytest.fixture
def torch_home(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_download_lies_where_it_is_looked_for(published, torch_home):
    path = download(published.as_uri(), published.name)
    assert path == downloaded(published.name)
    assert path.read_bytes() == b"weights"


def test_another_file_than_meant_is_thrown_away(published, torch_home):
    published.write_bytes(b"something else")
    with pytest.raises(backbones.WrongFile, match="hash"):
        download(published.as_uri(), published.name)
    assert downloaded(published.name) is None


def test_without_a_way_to_it_nothing_is_left(torch_home):
    with pytest.raises(OSError):
        download("file:///nowhere/net-00000000.pth", "net-00000000.pth")
    assert downloaded("net-00000000.pth") is None


def hub_file(root, model, data, name):
    """A file as the hub's tool keeps it: a blob named by its hash, and a link to it."""
    blob = root / f"models--timm--{model}" / "blobs" / name
    link = root / f"models--timm--{model}" / "snapshots" / "1" / "model.safetensors"
    for path in (blob, link):
        path.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(data)
    link.symlink_to(blob)
    return link


@pytest.mark.parametrize("genuine", [True, False])
def test_a_file_of_the_hub_is_held_against_its_hash(genuine, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    name = hashlib.sha256(b"weights" if genuine else b"others").hexdigest()
    link = hub_file(tmp_path, "net", b"weights", name)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda repo, file: str(link))
    if genuine:
        assert timm_nets._fetch("net") == link
        assert timm_nets._find("net") == link.resolve()
    else:
        with pytest.raises(backbones.WrongFile, match="SHA-256"):
            timm_nets._fetch("net")
        assert timm_nets._find("net") is None


def test_without_timm_its_weights_are_not_fetched(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ImportError):
        REGISTRY["convnext-tiny"].fetch()


def count(backbone):
    """Features of a noisy picture by untrained layers, and millions of multiplications."""
    module = backbone.build(None).eval()
    total = 0

    def add(layer, given, made):
        nonlocal total
        total += made.numel() * (layer.weight[0].numel() if isinstance(layer, torch.nn.Conv2d) else layer.in_features)

    for layer in module.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            layer.register_forward_hook(add)
    torch.manual_seed(0)
    with torch.inference_mode():
        features = module(torch.randn(1, 3, backbone.input_size, backbone.input_size))
    return features, total / 1e6


@pytest.mark.parametrize("name", REGISTRY)
def test_every_network_is_as_large_as_it_says(name):
    backbone = REGISTRY[name]
    features, millions = count(backbone)
    assert features.shape == (1, backbone.dim)
    assert millions == pytest.approx(backbone.macs, rel=0.01)


@pytest.mark.parametrize("name", ["lite0-industrial", "convnext-tiny", "dinov2-small"])
def test_signed_features_are_split_into_what_is_above_and_below_zero(name):
    features = count(REGISTRY[name])[0].numpy()
    above, below = np.split(features, 2, axis=1)
    assert (features >= 0).all()
    assert (np.minimum(above, below) == 0).all()
    assert (above > 0).any() and (below > 0).any()


def test_weights_of_timm_load_and_give_the_same_through_openvino(monkeypatch, tmp_path):
    """Untrained weights, kept as the hub keeps trained ones: what is tested is the way, not the network."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    backbone = REGISTRY["dinov2-small"]
    torch.manual_seed(0)
    module = backbone.build(None).eval()
    saved = tmp_path / "weights"
    save_file({name: tensor.contiguous() for name, tensor in module.network.state_dict().items()}, saved)
    data = saved.read_bytes()
    hub_file(tmp_path, "vit_small_patch14_dinov2.lvd142m", data, hashlib.sha256(data).hexdigest())

    assert backbone.available()
    pixels = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), np.uint8)
    normalised = (torch.from_numpy(pixels).float() - torch.tensor(backbone.mean)) / torch.tensor(backbone.scale)
    with torch.inference_mode():
        expected = module(normalised.permute(0, 3, 1, 2)).numpy()
    made = backbones.Extractor(backbone, threads=1, folder=tmp_path / "ir")
    found = made.embed(pixels)
    assert np.corrcoef(found[0], expected[0])[0, 1] > 0.999
    assert cached_ir(backbone, made.precision, tmp_path / "ir").exists()
