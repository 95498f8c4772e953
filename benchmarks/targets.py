"""What we aim for, what was measured, and why it is missed where it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.learning_curves.tables import NAIVE, OURS, PREFIX, RANDOM, at, needed, share, told_share
from benchmarks.tables import markdown

Result = dict[str, Any]
# Two costs are the same when they differ by less than this share: runs differ by as much.
SAME = 0.15


@dataclass(frozen=True)
class Target:
    """`judge` takes the result called `source` and answers (measured, in words; whether that is within the aim)."""

    aim: str
    source: str
    judge: Callable[[Result], tuple[str, bool]]
    why_missed: str = ""


def _turn(result: Result) -> tuple[str, bool]:
    row = max(result["rows"], key=lambda one: one["pool"])
    cpu = row["cpu_s"]
    return f"{cpu['p50']} CPU s in the median, {cpu['p95']} at p95", cpu["p95"] < 0.5


def _heads(result: Result) -> tuple[str, bool]:
    row = next(row for row in result["rows"] if row["head"] == "blend" and row["labels"] == 500)
    fit, whole = row["fit_ms"]["p50"], row["with_calibration_ms"]["p50"]
    return f"`blend`, both parts fitted: {fit} ms, with calibration {whole} ms in the median", fit < 50 and whole < 250


def _requests(result: Result) -> tuple[str, bool]:
    found = {name: [row["in_process"][name]["cpu_mean_ms"] for row in _sqlite(result)] for name in ("next", "submit")}
    told = "; ".join(f"{name} {' and '.join(map(str, values))} ms" for name, values in found.items())
    return told, max(max(values) for values in found.values()) < 5


def _growth(result: Result) -> tuple[str, bool]:
    small, large = min(_sqlite(result), key=_images), max(_sqlite(result), key=_images)
    before, after = small["in_process"], large["in_process"]
    growth = {name: after[name]["cpu_mean_ms"] / before[name]["cpu_mean_ms"] for name in ("next", "submit")}
    return "; ".join(f"{name} x {value:.2f}" for name, value in growth.items()), max(growth.values()) < 1 + SAME


def _features(result: Result) -> tuple[str, bool]:
    rows = [row for row in result["rows"] if row["format"] == "jpg"]
    told = "; ".join(f"{row['first']}, {row['threads']} thread(s): {row['ratio_per_cpu_s']} x" for row in rows)
    return told, min(row["ratio_per_cpu_s"] for row in rows) >= 5


def _channels_last(result: Result) -> tuple[str, bool]:
    rows = [row for row in result["rows"] if row["pictures"] == "VGA"]
    told = "; ".join(
        f"{row['threads']} thread(s): {row['times_channels_last_per_cpu_s']} x, "
        f"by the clock {row['times_channels_last_per_s']} x; at the floor it would be {_at_the_floor(row):.1f} x"
        for row in rows
    )
    return told, min(row["times_channels_last_per_cpu_s"] for row in rows) >= 8


def _at_the_floor(row: Result) -> float:
    """How many times as quick as the channels-last loader arithmetic at the peak and decoding alone would be."""
    an_image = (row["floor"]["network_ms"] + row["floor"]["decode_ms"]) / 1000
    return 1 / an_image / float(row["channels_last"]["per_cpu_s"])


def _floor(result: Result) -> tuple[str, bool]:
    row = next(row for row in result["rows"] if row["pictures"] == "VGA")
    return f"{row['floor']['reached']:.0%} on one thread", row["floor"]["reached"] >= 0.7


def _cosine(result: Result) -> tuple[str, bool]:
    cosines = [row["cosine"]["mean"] for row in (*result["rows"], result["fidelity"])]
    return f"{min(cosines)} at least, over all sizes", min(cosines) >= 0.997


def _million(result: Result) -> tuple[str, bool]:
    slowest, most = max(turn["cpu_s"]["p95"] for turn in result["turns"]), max(result["rss_mb"].values())
    median = max(turn["cpu_s"]["p50"] for turn in result["turns"])
    return f"{median} CPU s in the median, {slowest} at p95, {most} MB", slowest < 2 and most < 4000


def _peers(result: Result) -> tuple[str, bool]:
    rows = {(row["who"], row["strategy"]): row for row in result["rows"] if row["pool"] == 100_000}
    own, peer = rows["edge-annotator", "margin"], rows["scikit-activeml", "margin"]
    times = {"CPU seconds on one thread": peer["cpu_s"] / own["cpu_s"]}
    # Not in what was measured on one thread alone.
    if "every_core" in own:
        # Threads can cost more than they give: each side is taken at its quickest.
        quickest = [min(row["wall_s"], row["every_core"]["wall_s"]) for row in (peer, own)]
        times["the clock with every core"] = quickest[0] / quickest[1]
    enough = [by for by, value in times.items() if value >= 5]
    choosing = (peer["cpu_s"] - peer["predict_cpu_s"]) / (own["cpu_s"] - own["predict_cpu_s"])
    large = ("badge", "maxherding", "probcover")
    ended = [name for name in large if "failed" not in rows["edge-annotator", name]]
    wide = [name for who, name in rows if who == "scikit-activeml" and "features" in name]
    refused = [name for name in (*large, *wide) if "failed" in rows["scikit-activeml", name]]
    done = [(name, name.partition(",")[0]) for name in (*large, *wide) if name not in refused]
    told = (
        f"margin{' and'.join(f' x {value:.1f} by {by}' for by, value in times.items())}"
        + (f", met by {enough[0]}" if enough else "") + f"; besides predicting x {choosing:.1f} in CPU seconds; "
        f"done by ours: {', '.join(ended)}; not done by scikit-activeml: {', '.join(refused)}"
        + "".join(f"; its {name} x {rows['scikit-activeml', name]['cpu_s'] / rows['edge-annotator', ours]['cpu_s']:.0f}"
                  for name, ours in done if ours in (*ended, "margin"))
    )
    return told, bool(enough) and ended == list(large)


def _again(result: Result) -> tuple[str, bool]:
    return f"{result['second_run_s']} s", result["second_run_s"] < 5


def _as_benchmark_app(result: Result) -> tuple[str, bool]:
    ratios = {row["precision"]: row["bare_ratio"] for row in result["throughput"]}
    return "; ".join(f"{name} {ratio:.3f}" for name, ratio in ratios.items()), min(ratios.values()) >= 0.95


def _lighter(result: Result) -> tuple[str, bool]:
    disk, memory = result["disk"], result["memory"]
    others = [name for name in ("geti", "torch") if name in disk]
    told = "; ".join(
        f"{name} x {disk[name]['all_mb'] / disk['device']['all_mb']:.1f} disk, "
        f"x {memory[name]['pss_mb'] / memory['device']['pss_mb']:.1f} memory"
        for name in others
    )
    less = (disk[name]["all_mb"] > disk["device"]["all_mb"] for name in others)
    return told, all(less) and all(memory[name]["pss_mb"] > memory["device"]["pss_mb"] for name in others)


def _fewer_labels(other: str, most: float) -> Callable[[Result], tuple[str, bool]]:
    def judge(result: Result) -> tuple[str, bool]:
        found = share(result, other)
        told = f"{needed(result['methods'][OURS])} against {needed(result['methods'][other])}: {told_share(found)}"
        return told, found is not None and found[0] <= most

    return judge


def _rare_classes(result: Result) -> tuple[str, bool]:
    ours, random = (at(result["methods"][name], 100, "macro_f1") for name in (OURS, RANDOM))
    told = f"{ours:.3f} against {random:.3f}: {ours - random:+.3f}; all labels give {result['full']['macro_f1']['mean']:.3f}"
    return told, ours - random >= 0.1


def _sqlite(result: Result) -> list[Result]:
    return [row for row in result["rows"] if row["database"] == "sqlite"]


def _images(row: Result) -> int:
    return int(row["images"])


# Sets with rare classes, and why the aim is missed where it is.
IMBALANCED = {
    "digits-tail": "",
    "trashnet": "chance meets the rarest class, a twentieth, often enough: with the same head it is already close to what "
    "all labels give that there is little more to gain",
    "elpv-4": "the two degrees between intact and defective are what the experts were unsure of, and hardly to be told from "
    "these features with all labels; `auto` spends its labels where telling apart helps, and gains in accuracy instead",
}

TARGETS = (
    Target("label to new ranking at 100,000 images: under 0.5 CPU s", "loop", _turn),
    Target("label to new ranking at 1,000,000 images: under 2 CPU s, within 4 GB of memory", "million", _million),
    Target("a head at 500 labels, 100,000 images: fitted in under 50 ms CPU, with calibration in 250", "heads", _heads),
    Target(
        "next task and submit: under 5 ms CPU each (10,000 and 100,000 images)", "queue", _requests,
        "other work shared both cores and their caches while this was taken, which makes the same instructions cost more; "
        "an answer changes some 25 pages of rows and indexes, and writing them is a tenth of it",
    ),
    Target(
        "next task and submit: the same at 100,000 images as at 10,000", "queue", _growth,
        "the sizes are measured one after the other, and the larger one met more company on the two cores; both run the "
        "same statements over the same indexes, and another run of this measurement found 100,000 the cheaper of the two",
    ),
    Target(
        "JPEG folder to features: at least 5 times the plain pipeline, images a CPU s", "features", _features,
        "where pictures are large, decoding them is most of our time, and libjpeg-turbo decodes for both; this processor "
        "has no bfloat16, which would shorten the rest, and which OpenVINO uses by itself where it is",
    ),
    Target(
        "JPEG folder to features, VGA: at least 8 times a channels-last loader, images a CPU s", "features", _channels_last,
        "this processor has no bfloat16, so the network is computed in float32 as the loader computes it, and that is most "
        "of the time: on one thread even the floor, at the peak of float32, is below the aim. INT8 would be quicker, and "
        "its features are too far from these (see number formats)",
    ),
    Target(
        "JPEG folder to features, VGA: at least 70 % of the floor (arithmetic at the measured peak, and decoding)",
        "features", _floor,
        "the depthwise layers of this network have little arithmetic for each number that they read, so it stays below the "
        "peak of a matrix product; resizing as Pillow does it, to the bit, is the rest",
    ),
    Target("JPEG folder to features: mean cosine to exact features at least .997", "features", _cosine),
    Target(
        "a query by margin at 100,000 images: at least 5 times faster than scikit-activeml's, by CPU seconds on one thread "
        "or else by the clock with every core; ours finish where its BADGE, MaxHerding and ProbCover run out of memory",
        "peers", _peers,
        "both multiply the same features with the same weights to predict, and that alone is four fifths of what ours takes",
    ),
    Target("`make run` again: pages served in under 5 s", "install", _again),
    Target(
        "on the device: the network through the runtime within 5 % of `benchmark_app` on the same IR", "edge_runtime",
        _as_benchmark_app,
    ),
    Target(
        "on the device: less disk and less memory than Geti's deployment package and than torch", "edge_runtime", _lighter
    ),
    *(
        target
        for name in ("trashnet", "elpv")
        for target in (
            Target(
                f"{name}: labels for 90 % of what all labels give, at most 0.6 of random's with the same head",
                f"{PREFIX}{name}", _fewer_labels(RANDOM, 0.6),
            ),
            Target(
                f"{name}: the same, at most 0.35 of the naive recipe's", f"{PREFIX}{name}", _fewer_labels(NAIVE, 0.35)
            ),
        )
    ),
    *(
        Target(
            f"{name}: macro F1 at 100 labels at least 0.1 above random's with the same head", f"{PREFIX}{name}",
            _rare_classes, why,
        )
        for name, why in IMBALANCED.items()
    ),
)


def table(results: dict[str, Result]) -> str:
    """One row a target whose result is there."""
    rows = []
    for target in TARGETS:
        if target.source not in results:
            continue
        told, met = target.judge(results[target.source]["result"])
        rows.append((target.aim, told, "met" if met else f"**missed**: {target.why_missed}".removesuffix(": ")))
    return markdown(["aim", "measured", ""], rows)
