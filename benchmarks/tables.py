"""How each result reads: one function a measurement, from its JSON to Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.backbone_tables import backbones
from benchmarks.edge_tables import edge_runtime
from benchmarks.export_tables import edge_export
from benchmarks.markdown import markdown
from benchmarks.pixel_tables import features, precision, scikit

Result = dict[str, Any]

PARTS = {
    "supervisor": "supervisor", "redis": "Redis", "web": "web", "learn": "worker `learn`", "bulk": "worker `bulk,train`"
}


def loop(result: Result) -> str:
    """Label to new ranking through the application."""
    head = ["pool", "CPU s, p50 / p95", "wall s, p50 / p95", "first turn, cold: CPU s", "peak RSS MB"]
    table = markdown(
        head,
        (
            (f"{row['pool']:,}", _pair(row["cpu_s"]), _pair(row["wall_s"]), row["cold_cpu_s"], row["peak_rss_mb"])
            for row in result["rows"]
        ),
    )
    names = list(result["rows"][0]["parts_wall_ms"])
    parts = markdown(
        ["pool, wall ms (median)", *names],
        ((f"{row['pool']:,}", *(row["parts_wall_ms"][name] for name in names)) for row in result["rows"]),
    )
    return f"{table}\n\n{parts}"


def ranking(result: Result) -> str:
    """The same in the learning core alone, and each strategy's price."""
    turns = markdown(
        [
            "pool", "labels", "CPU s, p50 / p95", "of these, when calibrating", "fit ms", "calibrate ms", "score ms",
            "choose ms",
        ],
        (
            (
                f"{row['pool']:,}", row["labels"], _pair(row["cpu_s"]),
                _pair(row["cpu_s_calibrating"]) if row["cpu_s_calibrating"] else "none",
                *(row["parts_wall_ms"][name]["p50"] for name in ("fit", "calibrate", "score", "choose")),
            )
            for row in result["turns"]
        ),
    )
    costs = markdown(
        ["strategy", f"CPU s a query at {result['strategies'][0]['pool']:,}"],
        ((f"`{row['strategy']}`", row["cpu_s"]) for row in result["strategies"]),
    )
    return f"{turns}\n\n{costs}"


def peers(result: Result) -> str:
    """A query of ours and of scikit-activeml's."""
    found = {(row["pool"], row["who"], row["strategy"]): row for row in result["rows"]}
    rows = []
    for pool, strategy in dict.fromkeys((row["pool"], row["strategy"]) for row in result["rows"]):
        ours, theirs = (found.get((pool, who, strategy)) for who in ("edge-annotator", "scikit-activeml"))
        rows.append((f"{pool:,}", f"`{strategy}`", _query(ours), _query(theirs), _times(ours, theirs)))
    limits = result["limits"]
    return markdown(["pool", "strategy", "ours", f"scikit-activeml {result['version']}", "times"], rows) + (
        f"\n\nLimits of each process: {limits['addresses_gb']:.0f} GB of addresses, {limits['cpu_s']} CPU s."
    )


def queue(result: Result) -> str:
    """Next task and submit."""
    head = [
        "database", "images", "request", "CPU ms, mean / p95", "wall ms, p50 / p95", "HTTP: CPU ms, mean",
        "HTTP: wall ms, p50 / p95",
    ]
    rows = []
    for row in result["rows"]:
        for name in ("next", "submit"):
            inside, outside = row["in_process"][name], row["http"][name]
            rows.append((
                row["database"], f"{row['images']:,}", name, f"{inside['cpu_mean_ms']} / {inside['cpu_p95_ms']}",
                f"{inside['wall_p50_ms']} / {inside['wall_p95_ms']}", outside["cpu_mean_ms"],
                f"{outside['wall_p50_ms']} / {outside['wall_p95_ms']}",
            ))
    return markdown(head, rows)


def imports(result: Result) -> str:
    """Images taken in."""
    ways = {
        "upload": "files through HTTP", "command": "`annotator import`", "command_again": "`annotator import`, all known"
    }
    numbers = ("images_per_s", "cpu_ms_per_image", "images_per_cpu_s")
    rows: list[Sequence[object]] = []
    for row in result["rows"]:
        pictures = f"{row['pixels'][0]} x {row['pixels'][1]}, {row['median_kb']:.0f} kB"
        rows += [(row["images"], pictures, ways[way], *(row[way][key] for key in numbers)) for way in ways]
    return markdown(["images", "each", "way", "images/s", "CPU ms an image", "images a CPU s"], rows)


def startup(result: Result) -> str:
    """Starts, memory, disk."""
    names = {"first": "first: the database is made", "again": f"again, median of {result['again_starts']}"}
    starts = markdown(
        ["start", "pages are served after s", "everything works after s", "CPU s"],
        ((name, *(result[key][part] for part in ("serving_s", "healthy_s", "cpu_s"))) for key, name in names.items()),
    )
    states = {"idle": "at rest", "after_learning": "after learning", "rested": f"{result['rest_s']:.0f} s later"}
    memory = markdown(
        ["MB of memory", *(f"{state}: USS / PSS / RSS" for state in states.values())],
        [
            *((PARTS[part], *(_memory(result["memory"][state].get(part)) for state in states)) for part in PARTS),
            ("**all, PSS**", *(result["pss_total_mb"][state] for state in states)),
        ],
    )
    return (
        f"{starts}\n\n{memory}\n\n"
        f"Learning was {result['images']:,} images imported and featured, {result['labels']} labels given. The most that "
        f"all processes took together meanwhile (PSS) was {result['pss_total_mb']['peak']} MB. An image takes "
        f"{result['data_kb_per_image']} kB of the data directory: original, thumbnail, features and rows.\n\n"
        + markdown(["package", "MB on disk"], result["installed_mb"].items())
    )


def install(result: Result) -> str:
    """From a clone to a page."""
    steps = result["steps"]
    rows = [
        ("make the environment", steps["environment_s"]), ("torch and torchvision", steps["torch_s"]),
        ("the other packages", steps["packages_s"]), ("build the pages", steps["pages_s"]),
        ("first start, until pages are served", result["first_run_s"]), ("**all, from clone to page**", result["all_s"]),
        ("`make run` again", result["second_run_s"]),
    ]
    return (
        markdown(["`make run`", "s"], rows)
        + f"\n\nThe environment takes {result['environment_mb']:,.0f} MB, the pages {result['pages_kb']} kB, a clone "
        f"{result['clone_mb']} MB."
    )


def _memory(row: dict[str, float] | None) -> str:
    return f"{row['uss_mb']} / {row['pss_mb']} / {row['rss_mb']}" if row else "none"


def _query(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    if "failed" in row:
        return str(row["failed"])
    costs = f"{row['cpu_s']:.3f} CPU s{_predicting(row)}, {row['extra_mb']:,} MB"
    quickest = _quickest(row)
    return f"{costs}; every core: {quickest:.3f} s" if quickest else costs


def _quickest(row: dict[str, Any]) -> float | None:
    """Seconds by the clock with every core, or on one where threads cost more than they give; None where not measured."""
    every_core = row.get("every_core", {}).get("wall_s")
    return every_core and min(every_core, row["wall_s"])


def _times(ours: dict[str, Any] | None, theirs: dict[str, Any] | None) -> str:
    """How many times theirs is ours, in CPU seconds and by the clock."""
    if ours is None or theirs is None or "failed" in ours or "failed" in theirs:
        return ""
    times = f"{theirs['cpu_s'] / ours['cpu_s']:.1f}"
    one, other = _quickest(ours), _quickest(theirs)
    return f"{times}; every core: {other / one:.1f}" if one and other else times


def _predicting(row: dict[str, Any]) -> str:
    return f" (predicting: {row['predict_cpu_s']:.3f})" if "predict_cpu_s" in row else ""


def _pair(spread: dict[str, float]) -> str:
    return f"{spread['p50']} / {spread['p95']}"


def finetune(result: Result) -> str:
    """Frozen against tuned, a table for each set."""
    head = [
        "labels", "seed", "frozen", "tuned", "test images gained / lost", "McNemar's p", "audit labels to see it",
        "better on what was held out", "best epoch", "CPU s of training",
    ]
    parts = []
    for one in result["sets"]:
        rows = (
            (
                row["labels"], row["seed"], *(_interval(row[name]) for name in ("frozen", "tuned")),
                f"{row['gained']} / {row['lost']}", row["p"], row["audit"] or "", "yes" if _tried(row) else "no",
                f"{row['best_epoch']} of {row['epochs']}", row["train_cpu_s"],
            )
            for row in one["rows"]
        )
        recipe = one["recipe"]
        blended = "blended" if recipe.get("mix") else "not blended"
        mirrored = "mirrored too" if recipe["mirror"] else "never mirrored"
        when = f" Taken {one['taken']} UTC at {one['commit']}." if "taken" in one else ""
        parts.append(
            f"{one['folder']}: {one['images']:,} images, {one['classes']} classes, {one['rows'][0]['test_images']} to test "
            f"on; {result['backbone']}, {recipe['mode']} fine-tuning in steps of {recipe['batch']}, images {blended} and "
            f"{mirrored}, head `{result['head']}`.{when}"
        )
        parts.append(markdown(head, rows))
    half = result["bfloat16"]
    if half is None:
        return "\n\n".join([*parts, "This processor has no bfloat16, so training in it was not timed."])
    told_half = f"in bfloat16 {half['bf16_cpu_s']} CPU s, in float32 {half['f32_cpu_s']}: {half['times']} times."
    return "\n\n".join([*parts, f"The same epochs of the whole network, {told_half}"])


def heads(result: Result) -> str:
    """What each head costs."""
    rows = (
        (f"`{row['head']}`", row["labels"], *(_pair(row[part]) for part in ("fit_ms", "with_calibration_ms", "score_ms")))
        for row in result["rows"]
    )
    return markdown(
        ["head", "labels", "fit: CPU ms, p50 / p95", "with calibration", f"score {result['pool']:,} images"], rows
    )


def forecast(result: Result) -> str:
    """How often a forecast was right."""
    whole = result["all"]
    told = "; ".join(
        f"{rhythm}: something was said {row['said']} times of {row['repeats']}, and the interval held {row['right']} times "
        f"({row['right'] / max(1, row['said']):.0%}), where labels were really still needed {row['right_before']} times of "
        f"{row['said_before']}"
        for rhythm, row in whole.items()
    )
    rows = (
        (
            row["folder"], row["rhythm"], row["labels"], f"{row['said']} of {row['repeats']}",
            f"{row['right']} of {row['said']}" if row["said"] else "", f"{row['needed']:.0f}",
            f"{row['told']:.0f} ({row['low']:.0f} to {row['high']:.0f})" if row["said"] else "",
        )
        for row in result["rows"]
    )
    head = ["pictures", "audit labels", "at labels", "said", "interval held", "really needed", "forecast"]
    return (
        f"{result['confidence']:.0%} intervals, {result['seeds']} repeats. By audit labels: {told}.\n\n"
        f"{markdown(head, rows)}\n\nReally needed, forecast and interval: medians, in labels altogether."
    )


def million(result: Result) -> str:
    """What a million images cost in the learn worker."""
    turns = markdown(
        ["labels", "CPU s a turn, p50 / p95", "fit ms", "calibrate ms, p95", "score ms", "choose ms"],
        (
            (
                row["labels"], f"{row['cpu_s']['p50']} / {row['cpu_s']['p95']}", row["parts_wall_ms"]["fit"]["p50"],
                row["parts_wall_ms"]["calibrate"]["p95"], row["parts_wall_ms"]["score"]["p50"],
                row["parts_wall_ms"]["choose"]["p50"],
            )
            for row in result["turns"]
        ),
    )
    steps = markdown(
        ["step", "CPU s", "peak RSS MB so far"],
        ((name, seconds, f"{result['rss_mb'][name]:,}") for name, seconds in result["cpu_s"].items()),
    )
    alike, similar = result["duplicates"], result["similar"]["cpu_ms"]
    return (
        f"{result['images']:,} images, queue of {result['queue']}, {result['turns_each']} turns at each stage.\n\n"
        f"{turns}\n\n{steps}\n\n"
        f"After the turns the peak was {result['rss_mb']['turns']:,} MB. The images most like one: {similar['p50']} CPU ms, "
        f"{similar['p95']} at p95. Near duplicates of all are looked for in the cells of a k-means: of {alike['made']:,} "
        f"pairs that were made {alike['made_found']:,} were found, and of {alike['pairs']:,} that comparing "
        f"{alike['probed_rows']:,} images with all others finds, {alike['pairs_found']:,}."
    )


def _tried(row: Result) -> bool:
    """Whether the product would have let it challenge: better than the start on the images held out of training."""
    best, loss, accuracy = row["best_epoch"], row["held_out_loss"], row["held_out_accuracy"]
    return bool(loss[best] < loss[0] or accuracy[best] > accuracy[0])


def _interval(estimate: dict[str, float]) -> str:
    return f"{estimate['accuracy']:.3f} ({estimate['low']:.3f} to {estimate['high']:.3f})"


TABLES: dict[str, Callable[[Result], str]] = {
    "loop": loop, "ranking": ranking, "peers": peers, "queue": queue, "features": features, "precision": precision,
    "scikit": scikit, "imports": imports,
    "startup": startup, "install": install, "finetune": finetune, "million": million,
    "heads": heads, "forecast": forecast, "backbones": backbones, "edge_runtime": edge_runtime,
    "edge_export": edge_export,
}
