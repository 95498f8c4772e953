"""How the results about pixels and number formats read."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import markdown

Result = dict[str, Any]


def features(result: Result) -> str:
    """Files to features, what keeps from the floor, and what the features are worth."""
    speeds = markdown(
        [
            "pictures", "threads", "plain loader: images a CPU s", "channels last", "ours", "ours / plain",
            "ours / channels last", "the same in images/s: plain", "channels last", "ours", "cosine, mean / min",
        ],
        (
            (
                f"{row['first']}, {row['format'].upper()}", row["threads"],
                *(row[way]["per_cpu_s"] for way in ("plain", "channels_last", "ours")), row["ratio_per_cpu_s"],
                row["times_channels_last_per_cpu_s"], *(row[way]["per_s"] for way in ("plain", "channels_last", "ours")),
                f"{row['cosine']['mean']} / {row['cosine']['min']}",
            )
            for row in result["rows"]
        ),
    )
    floors = markdown(
        [
            "on one thread", "peak: product / convolutions, GFLOP/s", "network at peak, ms", "decoding, ms", "floor, ms",
            "ours, ms", "reached",
        ],
        (
            (
                f"{row['first']}, {row['format'].upper()}", " / ".join(map(str, row["floor"]["peak_gflops"].values())),
                row["floor"]["network_ms"], row["floor"]["decode_ms"],
                round(row["floor"]["network_ms"] + row["floor"]["decode_ms"], 2), round(1000 / row["ours"]["per_cpu_s"], 1),
                f"{row['floor']['reached']:.0%}",
            )
            for row in result["rows"] if row["threads"] == 1
        ),
    )
    worth = result["fidelity"]
    accuracy, difference = worth["accuracy"], worth["accuracy_difference"]
    return (
        f"{speeds}\n\n{floors}\n\n"
        f"The same `{worth['head']}` head on {worth['labels']} labels of {worth['images']} pictures ({worth['pictures']}), "
        f"{worth['seeds']} seeds: accuracy {accuracy['ours']['mean']:.4f} on our features, {accuracy['exact']['mean']:.4f} "
        f"on exact ones (every pixel decoded, float32); largest difference of a seed {difference['largest']}. The "
        f"nearest neighbour stays the same for {worth['same_nearest_neighbour']:.1%}; cosine {worth['cosine']['mean']} in "
        f"the mean, {worth['cosine']['min']} at least."
    )


def precision(result: Result) -> str:
    """Number formats and layouts."""
    table = markdown(
        ["network", "work", "computed by", "CPU ms an image", "times the first", "GFLOP/s", "cosine to FP32, mean / min"],
        (
            (
                row["network"], row["work"], row["way"], row["cpu_ms"], row["times_first"], row["gflops"] or "",
                f"{row['cosine']['mean']} / {row['cosine']['min']}" if row["cosine"] else "",
            )
            for row in result["rows"]
        ),
    )
    return f"{table}\n\n{result['note']}".rstrip()


def scikit(result: Result) -> str:
    """scikit-learn-intelex and stock."""
    ways = list(dict.fromkeys(way for row in result["rows"] for way in row if way != "task"))
    return markdown(
        [f"{result['images']:,} rows", *(f"{way}: CPU s" for way in ways)],
        ((row["task"], *(row.get(way, "") for way in ways)) for row in result["rows"]),
    )
