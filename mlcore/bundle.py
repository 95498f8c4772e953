"""The zip that leaves for the device: IRs, labels, manifest, runtime, and how to use them."""

import hashlib
import importlib.metadata
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from mlcore import bundle_text
from mlcore.convert import FEATURES, LOGITS, InputContract
from mlcore.edge import manifest as edge_manifest
from mlcore.edge import preprocess
from mlcore.edge.manifest import Label
from mlcore.measure import ReportRow

# What the runtime needs on the device, pinned to the versions that were measured.
REQUIREMENTS = ("numpy", "openvino", "pillow")

_SOFTWARE = ("edge-annotator", "numpy", "openvino", "pillow", "torch", "nncf")

# Zip files carry local times; a fixed one (the earliest they know) makes equal content equal bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16


@dataclass(frozen=True)
class BundleInfo:
    """A finished bundle: where it lies, its SHA-256 (hex), its size in bytes, its manifest."""

    path: Path
    sha256: str
    size: int
    manifest: dict[str, Any]


def build_bundle(
    *,
    out_path: Path,
    irs: Mapping[str, Path],
    labels: Sequence[Label],
    contract: InputContract,
    lineage: Mapping[str, Any],
    report: Sequence[ReportRow],
    recommended: str,
    recommended_because: str,
    sample_image: bytes,
    expected: Mapping[str, Any],
    backbone_licence: str,
    machine: str,
    extra_files: Mapping[str, bytes] | None = None,
) -> BundleInfo:
    """Write the zip to ``out_path``: whole or not at all, and the same bytes for the same arguments.

    ``irs`` maps a precision to its model.xml (model.bin beside it); ``sample_image`` is a JPEG and
    ``expected`` the answers to it; ``lineage`` is what JSON can hold; ``machine`` names the processor
    that the report was measured on; ``extra_files`` are other forms of the model, by their names in
    the zip. Raises OSError when the disk is full.
    """
    contents: dict[str, bytes] = dict(extra_files or {})
    models: dict[str, str] = {}
    for precision, xml in irs.items():
        folder = precision.lower()
        models[precision] = f"{folder}/model.xml"
        contents[f"{folder}/model.xml"] = xml.read_bytes()
        contents[f"{folder}/model.bin"] = xml.with_suffix(".bin").read_bytes()
    contents[edge_manifest.LABELS_NAME] = _json({"labels": [asdict(label) for label in labels]})
    contents["sample.jpg"] = sample_image
    contents["expected.json"] = _json(expected)
    contents["requirements.txt"] = requirements().encode()
    for name in ("run.py", "LICENSE"):
        contents[name] = files("mlcore").joinpath("bundle_files", name).read_bytes()
    contents["README.md"] = bundle_text.readme(
        lineage=lineage,
        labels=labels,
        report=report,
        recommended=recommended,
        because=recommended_because,
        size=contract.size,
        machine=machine,
    ).encode()
    contents["NOTICE"] = bundle_text.notice(backbone_licence).encode()
    contents["mlcore/__init__.py"] = b""
    for source in files("mlcore.edge").iterdir():
        if source.name.endswith(".py"):
            contents[f"mlcore/edge/{source.name}"] = source.read_bytes()

    manifest = {
        "format": edge_manifest.FORMAT,
        "format_version": edge_manifest.FORMAT_VERSION,
        "task": "classification",
        "lineage": dict(lineage),
        "input": {
            "width": contract.size,
            "height": contract.size,
            "channels": 3,
            "type": "u8",
            "layout": "NHWC",
            "color": "RGB",
            "resize": "stretched, bilinear, antialiased (Pillow)",
            "preprocessing_version": preprocess.VERSION,
            "mean": list(contract.mean),
            "scale": list(contract.scale),
            "mean_and_scale": "inside the model",
        },
        "outputs": {
            LOGITS: "log of the class probabilities, in the order of labels.json",
            FEATURES: "features of length 1",
        },
        "precisions": {precision: {"model": model} for precision, model in models.items()},
        "recommended": recommended,
        "recommended_because": recommended_because,
        "report": [row.as_dict() for row in report],
        "measured_on": machine,
        "software": software(),
        "files": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for name, data in sorted(contents.items())
        },
    }
    contents[edge_manifest.MANIFEST_NAME] = _json(manifest)

    out_path.parent.mkdir(parents=True, exist_ok=True)
    half = out_path.with_name(f".{out_path.name}.part")
    try:
        with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in sorted(contents.items()):
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.create_system = 3
                entry.external_attr = _READABLE
                archive.writestr(entry, data)
        half.replace(out_path)
    finally:
        half.unlink(missing_ok=True)
    return BundleInfo(out_path, edge_manifest.digest(out_path), out_path.stat().st_size, manifest)


def requirements() -> str:
    """requirements.txt of a bundle: exactly the versions in use here."""
    return "".join(f"{name}=={importlib.metadata.version(name)}\n" for name in REQUIREMENTS)


def software() -> dict[str, str]:
    """Versions of what made the bundle; what is not installed as a package is left out."""
    versions: dict[str, str] = {}
    for name in _SOFTWARE:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
