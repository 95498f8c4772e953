"""How the measurements of what leaves for a device read."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import markdown

ENVIRONMENTS = {
    "device": "the device's runtime", "geti": "Geti's deployment package", "torch": "torch, built for CPUs"
}


def edge_runtime(result: dict[str, Any]) -> str:
    """Disk, memory, and the device's own code beside benchmark_app."""
    disk, memory = result["disk"], result["memory"]
    rows = []
    for name, title in ENVIRONMENTS.items():
        if name in disk:
            one, used = disk[name], memory[name]
            largest = ", ".join(f"{package} {size}" for package, size in one["largest_mb"].items())
            times = f"{one['all_mb'] / disk['device']['all_mb']:.1f} / {used['pss_mb'] / memory['device']['pss_mb']:.1f}"
            rows.append((
                title, one["all_mb"], one["packages"], largest, f"{used['uss_mb']} / {used['pss_mb']} / {used['rss_mb']}",
                times,
            ))
    environments = markdown(
        ["environment", "MB on disk", "packages", "the largest, MB", "serving, MB: USS / PSS / RSS", "times: disk / PSS"],
        rows,
    )
    speeds = markdown(
        [
            "precision", "`benchmark_app`: images/s", "the network through the runtime", "ratio",
            "files through the runtime", "ratio", "CPU ms an image: network / file",
        ],
        (
            (
                row["precision"], row["benchmark_app"], row["bare"], row["bare_ratio"], row["folder"], row["folder_ratio"],
                f"{row['bare_cpu_ms']} / {row['folder_cpu_ms']}",
            )
            for row in result["throughput"]
        ),
    )
    return (
        f"{environments}\n\n{speeds}\n\nMemory after {result['asked']} answers over HTTP. Throughput: medians of "
        f"{result['rounds']} turns of {result['seconds']:g} s, ratios of neighbouring turns. The bundle is a zip of "
        f"{result['bundle_mb']} MB."
    )
