"""From backbone, projection and head to one torch module, and from there to OpenVINO IR."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from mlcore.edge.engine import ov
from mlcore.edge.postprocess import softmax
from mlcore.edge.preprocess import Pixels
from mlcore.heads.base import LinearForm

# Names that Model API readers know: softmax is theirs to apply, the feature vector is handed through.
LOGITS, FEATURES = "logits", "feature_vector"

# Below any length that a picture's features have, and still a number in half precision.
_TINY = 1e-6


class Project(nn.Module):
    """The projection as a module: square root, length 1, minus the mean, principal axes, length 1."""

    mean: torch.Tensor
    components: torch.Tensor

    def __init__(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(np.asarray(state["mean"], dtype=np.float32)))
        self.register_buffer("components", torch.from_numpy(np.asarray(state["components"], dtype=np.float32)))

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        """(n, dim) pooled features to (n, d) of length 1."""
        roots = nn.functional.normalize(pooled.clamp_min(0).sqrt(), dim=1, eps=_TINY)
        return nn.functional.normalize((roots - self.mean) @ self.components, dim=1, eps=_TINY)


class Mixture(nn.Module):
    """A head in its linear form: log of a weighted sum of softmaxes, so softmax gives the blend back."""

    weights: torch.Tensor
    bias: torch.Tensor
    shares: torch.Tensor

    def __init__(self, form: LinearForm) -> None:
        super().__init__()
        # A temperature divides weights and bias alike, so it is folded into both.
        parts = [part for part in form.parts if part.weight > 0]
        weights = np.concatenate([part.weights / part.temperature for part in parts])
        bias = np.concatenate([part.bias / part.temperature for part in parts])
        self.register_buffer("weights", torch.from_numpy(weights.astype(np.float32)))
        self.register_buffer("bias", torch.from_numpy(bias.astype(np.float32)))
        self.parts, self.classes = len(parts), len(parts[0].bias)
        self.register_buffer("shares", torch.tensor([part.weight for part in parts], dtype=torch.float32).log())
        # On top of the mixture, so it multiplies the logarithm: softmax then gives the head's own confidence.
        self.sharpness = 1.0 / form.temperature

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(n, d) to logits (n, C): log probabilities, up to a constant a row where the form has a temperature."""
        scores = nn.functional.linear(features, self.weights, self.bias)
        parts = scores.reshape(-1, self.parts, self.classes)
        return (parts.log_softmax(2) + self.shares[:, None]).logsumexp(1) * self.sharpness


class Classifier(nn.Module):
    """The whole answer in one graph, from normalised pixels (n, 3, s, s)."""

    def __init__(
        self, backbone: nn.Module, projection_state: Mapping[str, npt.NDArray[np.generic]], head: LinearForm
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.projection = Project(projection_state)
        self.head = Mixture(head)
        self.eval()

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (n, C) and features (n, d) of length 1."""
        features = self.projection(self.backbone(pixels))
        return self.head(features), features


@dataclass(frozen=True)
class InputContract:
    """What a picture must be before the network sees it: side in pixels, and (x - mean) / scale on 0-255."""

    size: int
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]

    def normalise(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """uint8 (n, s, s, 3) to float32 (n, 3, s, s)."""
        mean, scale = np.asarray(self.mean, np.float32), np.asarray(self.scale, np.float32)
        values = (pixels.astype(np.float32) - mean) / scale
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2))


@dataclass(frozen=True)
class Parity:
    """An IR against torch on n pictures: largest difference of any probability, share of equal answers."""

    max_diff: float
    agreement: float
    n: int


def to_openvino(classifier: Classifier, size: int) -> ov.Model:
    """Trace to OpenVINO with a static float32 input (1, 3, size, size), not yet preprocessed."""
    example = torch.zeros(1, 3, size, size)
    # Traced here, because OpenVINO has torch trace twice more and compare: most of the time, for nothing.
    with torch.no_grad():
        traced = torch.jit.trace(classifier, example, check_trace=False, strict=False)
        model = ov.convert_model(traced, example_input=example, input=[("pixels", [1, 3, size, size])])
    for output, name in zip(model.outputs, (LOGITS, FEATURES), strict=True):
        output.get_tensor().set_names({name})
    return model


def fold_preprocessing(model: ov.Model, contract: InputContract) -> ov.Model:
    """Bake the input contract in: the model then takes RGB uint8 (1, s, s, 3). Works in place."""
    steps = ov.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(ov.Type.f32).mean(list(contract.mean)).scale(list(contract.scale))
    folded = steps.build()
    folded.inputs[0].get_tensor().set_names({"image"})
    return folded


def describe(
    model: ov.Model,
    *,
    class_names: Sequence[str],
    class_colors: Sequence[str],
    size: int,
    lineage: Mapping[str, object],
) -> None:
    """Write what Intel's Model API reads from an IR, and the lineage, under ``rt_info/model_info``."""
    ids = [str(index) for index in range(len(class_names))]
    info = {
        "model_type": "Classification",
        "task_type": "classification",
        "labels": " ".join(spaceless(class_names)),
        "label_ids": " ".join(ids),
        "label_info": json.dumps(
            {
                "label_names": list(class_names),
                "label_ids": ids,
                "label_groups": [list(class_names)],
                "label_colors": list(class_colors),
            },
            ensure_ascii=False,
        ),
        "multilabel": "False",
        "hierarchical": "False",
        "output_raw_scores": "True",
        "confidence_threshold": "0.0",
        "topk": "1",
        "embedded_processing": "True",
        "orig_width": str(size),
        "orig_height": str(size),
        "resize_type": "standard",
        "reverse_input_channels": "False",
    }
    for key, value in info.items():
        model.set_rt_info(value, ["model_info", key])
    for key, fact in lineage.items():
        text = fact if isinstance(fact, str) else json.dumps(fact, ensure_ascii=False, sort_keys=True)
        model.set_rt_info(text, ["model_info", f"edge_annotator_{key}"])


def spaceless(names: Sequence[str]) -> list[str]:
    """Names for readers that split on spaces: ``_`` for each run of them, numbered where two would be one."""
    result: list[str] = []
    for name in names:
        base = "_".join(name.split())
        word, number = base, 2
        while word in result:
            word, number = f"{base}_{number}", number + 1
        result.append(word)
    return result


def torch_probabilities(classifier: Classifier, pixels: Pixels, contract: InputContract) -> npt.NDArray[np.float64]:
    """What torch says of uint8 (n, s, s, 3): probabilities (n, C)."""
    with torch.inference_mode():
        # Channels last: the same numbers, half the time.
        inputs = torch.from_numpy(contract.normalise(pixels)).contiguous(memory_format=torch.channels_last)
        logits, _ = classifier(inputs)
    return softmax(logits.numpy())


def parity(reference: npt.NDArray[np.floating], found: npt.NDArray[np.floating]) -> Parity:
    """Compare two arrays of probabilities (n, C), n >= 1."""
    same = reference.argmax(axis=1) == found.argmax(axis=1)
    return Parity(float(np.abs(reference - found).max()), float(same.mean()), len(reference))
