"""The model card of a bundle: what the model was trained on, what it is for, how good it is, and where that ends."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from string import Template
from typing import Any

from mlcore.edge.manifest import Label
from mlcore.evaluation import Estimate
from mlcore.measure import ReportRow

# With fewer audit images of a class its numbers say little.
FEW_JUDGED = 10
# With fewer labels of a class it has hardly been taught.
FEW_TAUGHT = 10


@dataclass(frozen=True)
class ClassFacts:
    """One class: images it was taught with, audit images that truly are it, and precision and recall on these."""

    taught: int
    judged: int
    precision: Estimate | None = None
    recall: Estimate | None = None


@dataclass(frozen=True)
class CardFacts:
    """What only the project knows of its model; everything may be missing.

    ``classes`` in the order of the labels; ``guidelines`` what annotators were told; ``strategy`` what chose the images;
    ``confidence_images``: audit images that the confidence was calibrated on, 0 when it was not.
    """

    classes: Sequence[ClassFacts] = field(default_factory=tuple)
    guidelines: str = ""
    strategy: str = ""
    confidence_images: int = 0


def model_card(
    *,
    facts: CardFacts,
    lineage: Mapping[str, Any],
    labels: Sequence[Label],
    report: Sequence[ReportRow],
    recommended: str,
    because: str,
    backbone_licence: str,
) -> str:
    """MODEL_CARD.md of one bundle."""
    project = lineage.get("project")
    name = project.get("name") if isinstance(project, Mapping) else project
    return Template(files("mlcore").joinpath("bundle_files", "MODEL_CARD.md").read_text(encoding="utf-8")).substitute(
        title=one_line(str(name or "image classifier")),
        count=len(labels),
        version=_version(lineage),
        made=lineage.get("created_at", "not told"),
        backbone=lineage.get("backbone", "not told"),
        head=lineage.get("head", "not told"),
        licence=backbone_licence,
        guidelines=_guidelines(facts.guidelines),
        trained=_trained(facts, labels, lineage),
        chosen=_chosen(facts),
        data=lineage.get("data_hash") or lineage.get("annotations_hash") or "not told",
        accuracy=_accuracy(report),
        precisions=f"Recommended is **{recommended}**. {because}",
        classes=_classes(facts, labels),
        limits="\n".join(f"- {limit}" for limit in _limits(facts, labels, report)),
        lineage=f"```json\n{json.dumps(lineage, ensure_ascii=False, indent=1, default=str)}\n```",
    )


def one_line(text: str) -> str:
    """A name as it can stand in a heading or a table's cell, without becoming Markdown of its own."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))


def _version(lineage: Mapping[str, Any]) -> str:
    bundle, model = lineage.get("bundle"), lineage.get("model_version")
    told = [f"bundle {bundle}"] * (bundle is not None) + [f"model {model}"] * (model is not None)
    return ", ".join(told) or "not told"


def _guidelines(text: str) -> str:
    if not text.strip():
        return ""
    quoted = "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())
    return f"\nWhat the people who labelled were told:\n\n{quoted}\n"


def _trained(facts: CardFacts, labels: Sequence[Label], lineage: Mapping[str, Any]) -> str:
    if not facts.classes:
        count = lineage.get("labels")
        return f"{count} labelled images." if count is not None else "How many images it was trained on is not told."
    total = sum(one.taught for one in facts.classes)
    counts = "; ".join(f"{one_line(label.name)} {one.taught}" for label, one in zip(labels, facts.classes, strict=True))
    return f"{total} labelled images: {counts}."


def _chosen(facts: CardFacts) -> str:
    if not facts.strategy:
        return ""
    return (
        f"Which images people were asked about was chosen by the strategy `{facts.strategy}`, so they are no random sample: "
        "hard and rare ones are more frequent among them. The audit images that judge the model are a random sample."
    )


def _accuracy(report: Sequence[ReportRow]) -> str:
    if not report or report[0].accuracy is None:
        return "Its accuracy was not measured: no audit image of the project had a label yet."
    lines = [
        f"On {report[0].n} audit images, drawn at random on import, that neither training nor calibration saw, through the "
        "exported files themselves (95 % Wilson intervals):",
        "",
        "| precision | accuracy | 95 % interval |",
        "| --- | --- | --- |",
    ]
    for row in report:
        if row.accuracy is not None and row.low is not None and row.high is not None:
            lines.append(f"| {row.precision} | {row.accuracy:.3f} | {row.low:.3f} - {row.high:.3f} |")
    return "\n".join(lines)


def _classes(facts: CardFacts, labels: Sequence[Label]) -> str:
    if not any(one.judged for one in facts.classes):
        return ""
    lines = [
        "\nEach class, before export. Precision: how much of what it calls so is. Recall: how much of what is so it finds.",
        "",
        "| class | trained on | audit images | precision (95 %) | recall (95 %) |",
        "| --- | --- | --- | --- | --- |",
    ]
    for label, one in zip(labels, facts.classes, strict=True):
        cells = (one_line(label.name), str(one.taught), str(one.judged), _estimate(one.precision), _estimate(one.recall))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _estimate(one: Estimate | None) -> str:
    return f"{one.value:.2f} ({one.low:.2f} - {one.high:.2f})" if one else "-"


def _limits(facts: CardFacts, labels: Sequence[Label], report: Sequence[ReportRow]) -> list[str]:
    limits = [
        "It always answers one of its classes, also for a picture that shows none of them. `reference.npz` tells how far a "
        "picture may be from what it learnt before it counts as unseen.",
        "One class a picture: where several are in view, it names one.",
        "Another camera, place, light or season can cost accuracy that no number here tells; watch it on the device.",
    ]
    pairs = list(zip(labels, facts.classes, strict=True)) if facts.classes else []
    few_taught = [one_line(label.name) for label, one in pairs if one.taught < FEW_TAUGHT]
    if few_taught:
        limits.append(f"Trained on fewer than {FEW_TAUGHT} images: {', '.join(few_taught)}.")
    few_judged = [one_line(label.name) for label, one in pairs if one.judged < FEW_JUDGED]
    if few_judged and report and report[0].accuracy is not None:
        limits.append(
            f"Judged on fewer than {FEW_JUDGED} audit images, so that their numbers say little: {', '.join(few_judged)}."
        )
    if not report or report[0].accuracy is None:
        limits.append("Nobody has measured how often it is right.")
    if facts.confidence_images:
        limits.append(f"Its confidence was calibrated on {facts.confidence_images} audit images of this project.")
    else:
        limits.append("Its confidence was not calibrated on audit images: take it as an order, not as a probability.")
    return limits
