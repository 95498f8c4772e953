"""INT8 by post-training quantisation, calibrated on a project's own pictures and held to a largest loss of accuracy."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mlcore.convert import LOGITS, InputContract
from mlcore.edge.engine import ov
from mlcore.edge.preprocess import Pixels

Labelled = tuple[Pixels, int]

# NNCF's own default.
MOST_IMAGES = 300
# On fewer pictures than this a hundredth of accuracy cannot be told from one picture answered otherwise.
MIN_VALIDATION = 100
# More of them make a check of two networks slower than the quantising itself.
MAX_VALIDATION = 200
# Accuracy control tries each quantiser alone on this many pictures, and gives back at most this many groups of layers.
RANKED_ON, MOST_LAYERS = 32, 16

# Where the work is; what lies between them (sums, means) is not worth a name.
_LAYERS = ("Convolution", "GroupConvolution", "MatMul")

_ALWAYS_FLOAT = (r"__module\.projection/.*", r"__module\.head/.*")


@dataclass(frozen=True)
class Quantised:
    """An INT8 network and how it came about.

    ``kept`` names the layers that accuracy control left in floating point (projection and head always are, and are not
    named); ``note`` is a sentence that says why these or why none; ``drop`` is the share of ``n`` labelled pictures by
    which it is less often right than the network it was made from, None where it was not measured.
    """

    model: ov.Model
    kept: tuple[str, ...]
    note: str
    drop: float | None
    n: int


def quantise(model: ov.Model, calibration: Sequence[Pixels], contract: InputContract) -> ov.Model:
    """Give an INT8 copy of a model that takes float32 (1, 3, s, s).

    ``calibration``: uint8 (s, s, 3) each, at least one; of more than 300, every n-th is taken. Two
    choices, both measured on EfficientNet-Lite0 (share of pictures whose answer stays the same):
    the projection and the head stay in floating point (they are a thousandth of the work), and
    weights keep one bit of headroom in every layer, because a CPU without VNNI saturates otherwise
    (.969 against .958 with headroom in the first layer only, and .906 with none).
    Raises ValueError when there is nothing to calibrate on.
    """
    nncf = _nncf()
    chosen = _chosen(calibration)
    return nncf.quantize(
        model,
        nncf.Dataset(chosen, lambda pixels: contract.normalise(pixels[None])),
        advanced_parameters=_headroom(nncf),
        **_common(nncf, chosen),
    )


def quantise_within(
    model: ov.Model,
    calibration: Sequence[Pixels],
    contract: InputContract,
    *,
    validation: Sequence[Labelled],
    max_drop: float,
    heartbeat: Callable[[str], object] = lambda doing: None,
) -> Quantised:
    """Quantise, and where that costs more than ``max_drop`` (a share, 0 to 1), give layers back until it does not.

    ``validation``: pictures as the network sees them with the index of their class, none of them from the audit
    set; of fewer than MIN_VALIDATION nothing is concluded. ``heartbeat`` is called with what is going on and may raise
    to stop. Giving back is NNCF's accuracy control: quantisers are ranked by what each alone does to the outputs and
    removed, worst first, until the drop is small enough. It costs a compilation for each quantiser, which is why
    it runs only when it is needed. Raises ValueError when there is nothing to calibrate on.
    """
    plain = quantise(model, calibration, contract)
    chosen = list(validation[:: max(1, -(-len(validation) // MAX_VALIDATION))])
    if len(chosen) < MIN_VALIDATION:
        return Quantised(
            plain, (), f"Plain quantisation, not checked for a loss of accuracy: {len(chosen)} labelled images outside the "
            f"audit set are too few, {MIN_VALIDATION} are needed.", None, len(chosen),
        )  # fmt: skip
    heartbeat(f"Checking INT8 on {len(chosen)} labelled images")
    before = accuracy(model, chosen, contract)
    drop = before - accuracy(plain, chosen, contract)
    if drop <= max_drop + 1e-9:
        note = f"Plain quantisation {_lost(drop)} on {len(chosen)} labelled images; {_allowed(max_drop, drop)}."
        return Quantised(plain, (), note, drop, len(chosen))

    heartbeat("Finding the layers that INT8 hurts")
    controlled = _control(model, calibration, contract, chosen, max_drop, heartbeat)
    left = before - accuracy(controlled, chosen, contract)
    if left >= drop:
        note = f"Plain quantisation {_lost(drop)} on {len(chosen)} labelled images, and no layer left out makes it better."
        return Quantised(plain, (), note, drop, len(chosen))
    kept = tuple(sorted(quantised_layers(plain) - quantised_layers(controlled)))
    note = (
        f"Quantised in every layer it {_lost(drop)} on {len(chosen)} labelled images, with {len(kept)} "
        f"layer{'s' * (len(kept) != 1)} in floating point it {_lost(left)}; {_allowed(max_drop, left)}."
    )
    return Quantised(controlled, kept, note, left, len(chosen))


def accuracy(model: ov.Model, labelled: Sequence[Labelled], contract: InputContract) -> float:
    """Share of pictures that a model that takes float32 (1, 3, s, s) answers right, computed in 32 bits."""
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    right, _ = _answers(compiled, labelled, contract)
    return right


def quantised_layers(model: ov.Model) -> set[str]:
    """Names of the layers that read what was rounded to 8 bits."""
    return {
        op.get_friendly_name().partition("/")[0].removeprefix("__module.")
        for op in model.get_ops()
        if op.get_type_name() in _LAYERS
        and any(value.get_source_output().get_node().get_type_name() == "FakeQuantize" for value in op.inputs())
    }


def _control(
    model: ov.Model,
    calibration: Sequence[Pixels],
    contract: InputContract,
    validation: Sequence[Labelled],
    max_drop: float,
    heartbeat: Callable[[str], object],
) -> ov.Model:
    nncf = _nncf()
    chosen = _chosen(calibration)

    def seen(item: Labelled) -> npt.NDArray[np.float32]:
        heartbeat("Finding the layers that INT8 hurts")
        return contract.normalise(item[0][None])

    # Outputs rather than right and wrong for each picture: few pictures tell finely by them which layer does harm.
    return nncf.quantize_with_accuracy_control(
        model.clone(),
        nncf.Dataset(chosen, lambda pixels: contract.normalise(pixels[None])),
        nncf.Dataset(list(validation), seen),
        lambda compiled, items: _answers(compiled, items, contract),
        max_drop=max_drop,
        advanced_quantization_parameters=_headroom(nncf),
        advanced_accuracy_restorer_parameters=nncf.AdvancedAccuracyRestorerParameters(
            max_num_iterations=MOST_LAYERS, ranking_subset_size=RANKED_ON, num_ranking_workers=1
        ),
        **_common(nncf, chosen),
    )


def _answers(compiled: Any, items: Iterable[Labelled], contract: InputContract) -> tuple[float, list[list[Any]]]:
    """Accuracy, and every output for each picture."""
    right, outputs = [], []
    for pixels, truth in items:
        found = compiled([contract.normalise(pixels[None])])
        right.append(int(found[LOGITS].argmax()) == truth)
        outputs.append([np.array(found[output]) for output in compiled.outputs])
    return float(np.mean(right)), outputs


def _chosen(calibration: Sequence[Pixels]) -> list[Pixels]:
    if not calibration:
        raise ValueError("calibration needs at least one picture; add pictures to the project.")
    return list(calibration[:: -(-len(calibration) // MOST_IMAGES)])


def _common(nncf: Any, chosen: Sequence[Pixels]) -> dict[str, Any]:
    return {
        "preset": nncf.QuantizationPreset.MIXED,
        "subset_size": len(chosen),
        "ignored_scope": nncf.IgnoredScope(patterns=list(_ALWAYS_FLOAT)),
    }


def _headroom(nncf: Any) -> Any:
    return nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE)


def _nncf() -> Any:
    import nncf  # takes seconds, and only after the engine has silenced it

    logging.getLogger("nncf").setLevel(logging.WARNING)
    return nncf


def points(share: float) -> str:
    """A share in words: 0.01 is a point."""
    said = f"{share * 100:.2g}"
    return f"{said} point" if said == "1" else f"{said} points"


def _allowed(max_drop: float, drop: float) -> str:
    verb = "is" if points(max_drop) == "1 point" else "are"
    return f"{points(max_drop)} {verb} allowed" if drop <= max_drop + 1e-9 else f"only {points(max_drop)} {verb} allowed"


def _lost(drop: float) -> str:
    return f"loses {points(drop)}" if drop > 0 else "loses nothing"
