"""How the measurement of an export reads."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import markdown


def edge_export(result: dict[str, Any]) -> str:
    """Its steps, what is in the zip, the report, and what a batch costs."""
    steps = markdown(
        ["step", "wall s", "CPU s"],
        [
            *((row["step"], row["wall_s"], row["cpu_s"]) for row in result["steps"] if row["wall_s"] >= 0.1),
            ("**from click to signed zip**", f"**{result['wall_s']}**", f"**{result['cpu_s']}**"),
        ],
    )
    report = markdown(
        [
            "precision", "accuracy", "agreement", "MB", "p50 / p95 ms", "images/s, one stream", "images/s, all", "memory MB",
            "computes in",
        ],
        (
            (
                row["precision"], f"{row['accuracy']:.3f} ({row['low']:.3f} - {row['high']:.3f})", f"{row['agreement']:.2f}",
                f"{row['size_bytes'] / 1e6:.1f}", f"{row['latency_p50_ms']:.1f} / {row['latency_p95_ms']:.1f}",
                row["throughput_one"], f"{row['throughput']} ({row['streams']})",
                f"{row['memory_bytes'] / 1e6:.0f}" if row["memory_bytes"] else "", row["computes_in"],
            )
            for row in result["report"]
        ),
    )
    eight = next(row["quantised"] for row in result["report"] if row["precision"] == "INT8")
    parts = ", ".join(f"`{name}` {size}" for name, size in result["folders_mb"].items())
    batch = markdown(["FP32: batch", "ms an image"], result["batch"].items())
    return (
        f"{result['calibration']} images to calibrate, {result['validation']} to hold INT8, {result['audit']} audit.\n\n"
        f"{steps}\n\n{report}\n\n{eight} {result['recommended_because']}\n\n"
        f"The zip has {result['zip_mb']} MB: {parts}.\n\n{batch}"
    )
