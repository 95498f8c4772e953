"""The words inside a bundle; the texts with gaps lie in bundle_files/."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import Any

from mlcore.edge.manifest import Label
from mlcore.measure import ReportRow


def readme(
    *,
    lineage: Mapping[str, Any],
    labels: Sequence[Label],
    report: Sequence[ReportRow],
    recommended: str,
    because: str,
    size: int,
    machine: str,
) -> str:
    """The README of one bundle."""
    judged = report[0]
    if judged.accuracy is None:
        accuracy = "Accuracy was not measured: no audit image of the project had a label yet."
    else:
        accuracy = (
            f"Accuracy was measured on {judged.n} audit images that neither training nor calibration saw; "
            "in brackets the 95 % interval."
        )
    return _template("README.md").substitute(
        title=_title(lineage.get("project")),
        count=len(labels),
        classes=", ".join(label.name for label in labels),
        table=_table(report),
        accuracy=accuracy,
        compared=judged.compared,
        machine=machine,
        recommended=recommended,
        because=because,
        size=f"{size} x {size} x 3",
        folder=recommended.lower(),
    )


def notice(backbone_licence: str) -> str:
    """The NOTICE of a bundle."""
    return _template("NOTICE").substitute(licence=backbone_licence)


def _title(project: object) -> str:
    """The project's name, given as it is or as ``{"name": ...}``."""
    name = project.get("name") if isinstance(project, Mapping) else project
    return str(name) if name else "Image classifier"


def _table(report: Sequence[ReportRow]) -> str:
    lines = [
        "| precision | accuracy | agreement | max diff | size, MB | latency p50 / p95, ms | images/s |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in report:
        shown = "-"
        if row.accuracy is not None and row.low is not None and row.high is not None:
            shown = f"{row.accuracy:.3f} ({row.low:.3f}-{row.high:.3f})"
        lines.append(
            f"| {row.precision} | {shown} | {row.agreement:.3f} | {row.max_diff:.4f} "
            f"| {row.size_bytes / 1e6:.1f} | {row.latency_p50_ms:.1f} / {row.latency_p95_ms:.1f} | {row.throughput:.0f} |"
        )
    return "\n".join(lines)


def _template(name: str) -> Template:
    return Template(files("mlcore").joinpath("bundle_files", name).read_text(encoding="utf-8"))
