"""The recommended precision as OpenVINO Model Server wants it: a folder to mount, with a model that takes BGR.

The server decodes pictures that a client sends as they are to BGR (its binary inputs), while everything else here is RGB,
so the model has a copy of its own with the change folded in. Layout and keys of config.json:
https://docs.openvino.ai/2025/model-server/ovms_docs_models_repository.html and ovms_docs_parameters.html.
"""

import json
import tempfile
from pathlib import Path

from mlcore.edge.engine import ov

FOLDER = "ovms"

# The server serves the highest number below a model's folder; a bundle holds one.
VERSION = "1"


def layout(xml: Path, name: str, *, half: bool) -> dict[str, bytes]:
    """The files of the folder by their names in the bundle, made from the IR at ``xml``; ``half``: weights in 16 bits."""
    folder = f"{FOLDER}/{name}/{VERSION}"
    with tempfile.TemporaryDirectory(dir=xml.parent) as beside:
        copy = Path(beside) / "model.xml"
        ov.save_model(takes_bgr(xml), copy, compress_to_fp16=half)
        return {
            f"{FOLDER}/config.json": config(name),
            f"{folder}/model.xml": copy.read_bytes(),
            f"{folder}/model.bin": copy.with_suffix(".bin").read_bytes(),
        }


def config(name: str) -> bytes:
    """config.json for a server that has the folder mounted anywhere: ``base_path`` is relative to this file."""
    entry = {"config": {"name": name, "base_path": name, "plugin_config": {"PERFORMANCE_HINT": "LATENCY"}}}
    return (json.dumps({"model_config_list": [entry]}, indent=1) + "\n").encode()


def takes_bgr(xml: Path) -> ov.Model:
    """The model at ``xml``, which takes RGB uint8 (n, s, s, 3), with a step before it that turns BGR into RGB."""
    steps = ov.preprocess.PrePostProcessor(ov.Core().read_model(xml))
    steps.input().tensor().set_layout(ov.Layout("NHWC")).set_color_format(ov.preprocess.ColorFormat.BGR)
    steps.input().model().set_layout(ov.Layout("NHWC"))
    steps.input().preprocess().convert_color(ov.preprocess.ColorFormat.RGB)
    model = steps.build()
    model.inputs[0].get_tensor().set_names({"image"})
    model.set_rt_info("True", ["model_info", "reverse_input_channels"])
    return model
