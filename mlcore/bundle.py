"""The zip that leaves for the device: IRs, labels, manifest, runtime, and how to use them."""

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mlcore import bundle_text, golden, signing
from mlcore.convert import FEATURES, LOGITS, InputContract
from mlcore.edge import manifest as edge_manifest
from mlcore.edge import preprocess
from mlcore.edge.golden import GOLDEN_NAME
from mlcore.edge.manifest import Label
from mlcore.edge.reference import REFERENCE_NAME
from mlcore.edge.signature import KEY_NAME, SIGNATURE_NAME
from mlcore.measure import ReportRow
from mlcore.model_card import CardFacts, model_card
from mlcore.runtime_files import bundle_file, runtime_files
from mlcore.same_zip import write_zip

# What the runtime needs on the device, pinned to the versions that were measured.
REQUIREMENTS = ("numpy", "openvino", "pillow", "cryptography")

_SOFTWARE = ("edge-annotator", "numpy", "openvino", "pillow", "torch", "nncf")

# Files that leave as they lie in bundle_files/.
_AS_THEY_ARE = ("run.py", "LICENSE", "Dockerfile", "edge-annotator.service")


@dataclass(frozen=True)
class Papers:
    """What travels with a model besides itself, as far as it is known.

    ``signing_key`` (EC P-256) signs every file; ``reference`` is what `reference.build_reference` gave; ``card`` what the
    model card tells beyond the report.
    """

    signing_key: ec.EllipticCurvePrivateKey | None = None
    reference: bytes | None = None
    card: CardFacts = field(default_factory=CardFacts)


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
    golden_images: Sequence[bytes] = (),
    papers: Papers | None = None,
) -> BundleInfo:
    """Write the zip to ``out_path``: whole or not at all, and the same bytes for the same arguments.

    ``irs`` maps a precision to its model.xml (model.bin beside it); ``sample_image`` is a JPEG and
    ``expected`` the answers to it; ``lineage`` is what JSON can hold; ``machine`` names the processor
    that the report was measured on; ``extra_files`` are other forms of the model, by their names in
    the zip, whose folders may be deleted on the device; ``golden_images`` are JPEGs that it checks itself by. Raises
    OSError when the disk is full.
    """
    papers = papers or Papers()
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
    for name in _AS_THEY_ARE:
        contents[name] = bundle_file(name)
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
    contents["MODEL_CARD.md"] = model_card(
        facts=papers.card,
        lineage=lineage,
        labels=labels,
        report=report,
        recommended=recommended,
        because=recommended_because,
        backbone_licence=backbone_licence,
    ).encode()
    contents.update(runtime_files())
    if golden_images:
        pictures = {f"golden/{number}.jpg": jpeg for number, jpeg in enumerate(golden_images, 1)}
        said = golden.record(irs, pictures, contract.size, [label.name for label in labels])
        contents.update(pictures, **{GOLDEN_NAME: _json(said)})
    if papers.reference is not None:
        contents[REFERENCE_NAME] = papers.reference
    if papers.signing_key is not None:
        contents[KEY_NAME] = papers.signing_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

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
        "optional": sorted({PurePosixPath(name).parts[0] for name in extra_files or () if "/" in name}),
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
    if papers.signing_key is not None:
        contents[SIGNATURE_NAME] = signing.sign(contents, papers.signing_key, ignored=_caches(contents))

    out_path.parent.mkdir(parents=True, exist_ok=True)
    half = out_path.with_name(f".{out_path.name}.part")
    try:
        write_zip(half, sorted(contents.items()))
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


def _caches(names: Iterable[str]) -> set[str]:
    """Where Python will put its byte code once the bundle's own runtime has run."""
    return {(PurePosixPath(name).parent / "__pycache__").as_posix() for name in names if name.endswith(".py")}


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
