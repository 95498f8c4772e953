"""How the comparison of backbones reads."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import markdown


def backbones(result: dict[str, Any]) -> str:
    """What each costs and knows."""
    labels = result["labels"]
    head = [
        "backbone", "CPU ms an image", "input px", "numbers", "weights MB",
        *(f"accuracy, macro F1 at {n} labels" for n in labels), "with all labels", "licence of the weights",
    ]
    rows = (
        (
            f"`{row['backbone']}`", row["cpu_ms"], row["input_size"], row["dim"], row["weights_mb"],
            *(_both(row["few"], place) for place in range(len(labels))), _both(row["full"]), row["licence"],
        )
        for row in result["rows"]
    )
    missing = ", ".join(f"`{name}`" for name in result["missing"])
    return (
        f"{markdown(head, rows)}\n\n{result['images']:,} pictures of {result['photos']}, {result['seeds']} splits: "
        f"mean ± standard deviation. Precision of the features: {result['rows'][0]['precision']}."
        + (f" Not on this machine, so not measured: {missing}." if missing else "")
    )


def _both(found: dict[str, Any], place: int | None = None) -> str:
    def one(name: str) -> str:
        mean, std = found[name]["mean"], found[name]["std"]
        if place is not None:
            mean, std = mean[place], std[place]
        return f"{mean:.3f} ± {std:.3f}"

    return f"{one('accuracy')}, {one('macro_f1')}"
