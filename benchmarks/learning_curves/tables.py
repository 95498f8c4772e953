"""How the learning curves read: from the results of all sets to Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from benchmarks.tables import markdown

Result = dict[str, Any]

PREFIX = "learning_curves-"
OURS, RANDOM, NAIVE = "ours/auto", "ours/random", "naive"
# What a method is called in the tables; ours go by their own names.
TITLES = {RANDOM: "`random`, the same head", NAIVE: "naive recipe"}


def curves(results: dict[str, Result]) -> list[Result]:
    """The results of every set that was measured, the smallest last."""
    found = [one["result"] for name, one in results.items() if name.startswith(PREFIX)]
    return sorted(found, key=lambda result: (-int(result["images"]), str(result["set"])))


def answer(results: dict[str, Result]) -> str:
    """One row a set: what `auto` needs beside chance, the naive recipe and the best of the other libraries."""
    head = [
        "set", f"{_title(OURS)}: labels for 90 %", "random, same head", "share of it", "naive recipe", "share of it",
        "best other library", "better than random, same head",
    ]
    return markdown(head, (_answered(result) for result in curves(results)))


def sets(results: dict[str, Result]) -> str:
    """What was measured on."""
    head = [
        "set", "images", "classes", "largest / smallest class", "to learn from", "to measure on", "all labels give",
        "always the largest class",
    ]
    rows = (
        (
            result["set"], f"{result['images']:,}", len(result["classes"]),
            f"{max(result['classes'].values()):,} / {min(result['classes'].values()):,}", f"{result['pool_images']:,}",
            f"{result['test_images']:,}, {'its own split' if result['own_split'] else 'drawn anew for each seed'}",
            _either(result["full"]["accuracy"]["mean"], result["full"]["macro_f1"]["mean"]),
            f"{result['full']['majority']['mean']:.3f}",
        )
        for result in curves(results)
    )
    return markdown(head, rows)


def everything(results: dict[str, Result]) -> str:
    """For each set its pictures and every method."""
    return "\n\n".join(_one_set(result, origin) for result, origin in _with_origin(results))


def seeds_won(result: Result, first: str, second: str) -> tuple[int, int]:
    """In how many of the seeds the first method has the larger area under its accuracy."""
    pairs = zip(*(result["methods"][name]["area"]["accuracy"] for name in (first, second)), strict=True)
    won = [one > other for one, other in pairs]
    return sum(won), len(won)


def needed(said: Result, share: str = "90") -> str:
    """Labels for that share of what all labels give: mean ± std, or how it was cut short."""
    found = said["needed"][share]
    told, runs = found["at_least"], len(found["each"])
    if not found["reached"]:
        return f"more than {min(found['given'])}"
    if found["reached"] < runs:
        return f"at least {told['mean']:.0f} ({found['reached']} of {runs} seeds got there)"
    return f"{told['mean']:.0f} ± {told['std']:.0f}"


def share(result: Result, other: str, of: str = "90") -> tuple[float, bool] | None:
    """Labels that `auto` needs, as a share of another's, and whether that is exact or, as the other never got there in
    some run, the most that it can be; None where `auto` itself did not get there in every run."""
    ours, theirs = (result["methods"][name]["needed"][of] for name in (OURS, other))
    if ours["reached"] < len(ours["each"]):
        return None
    return ours["at_least"]["mean"] / theirs["at_least"]["mean"], theirs["reached"] == len(theirs["each"])


def best_peer(result: Result, measure: str = "accuracy") -> str | None:
    """The method of another library with the largest mean area under its curve."""
    peers = [name for name in result["methods"] if name.startswith(("scikit-activeml/", "baal/"))]
    return max(peers, key=lambda name: _mean(result["methods"][name]["area"][measure]), default=None)


def at(said: Result, labels: int, measure: str) -> float:
    """The mean over the seeds after so many labels."""
    return float(said[measure]["mean"][said["labels"].index(labels)])


def front(results: dict[str, Result]) -> str:
    """For the front page: what each set takes, beside chance and the naive recipe."""
    rows = [
        (
            f"{result['set']}, {len(result['classes'])} classes",
            *(needed(result["methods"][name]) for name in (OURS, RANDOM, NAIVE)),
        )
        for result in curves(results)
    ]
    if not rows:
        return ""
    head = ["labels for 90 % of what all labels give", "Edge Annotator", "drawn at random, same head", "the naive recipe"]
    return "\n" + markdown(head, rows)


def _answered(result: Result) -> Sequence[object]:
    methods, peer = result["methods"], best_peer(result)
    won, of = seeds_won(result, OURS, RANDOM)
    return (
        result["set"], needed(methods[OURS]), needed(methods[RANDOM]), told_share(share(result, RANDOM)),
        needed(methods[NAIVE]), told_share(share(result, NAIVE)),
        f"{_title(peer)}: {needed(methods[peer])}" if peer else "not measured", f"in {won} of {of} seeds",
    )


def told_share(found: tuple[float, bool] | None) -> str:
    """A share as it is written."""
    if found is None:
        return "unknown"
    return f"{found[0]:.2f}" if found[1] else f"at most {found[0]:.2f}"


def _one_set(result: Result, origin: str) -> str:
    name = result["set"]
    pictures = "\n".join(
        f"![{told} on {name} against labels: `auto`, random, the naive recipe and the best other library]"
        f"(figures/{name}-{measure}.svg)"
        for measure, told in (("accuracy", "Accuracy"), ("macro-f1", "Macro F1"))
    )
    points = [labels for labels in (20, 50, 100, 200) if labels <= result["labels"]]
    head = ["method", "labels for 90 %", "for 95 %", "area", *(f"at {labels}" for labels in points), "CPU s a step"]
    ordered = sorted(result["methods"].items(), key=lambda item: -_mean(item[1]["area"]["accuracy"]))
    table = markdown(head, (_row(method, said, points) for method, said in ordered))
    return f"### {name}\n\n{pictures}\n\n{table}\n\n{origin}"


def _row(name: str, said: Result, points: Iterable[int]) -> Sequence[object]:
    shown = (_either(at(said, labels, "accuracy"), at(said, labels, "macro_f1")) for labels in points)
    title = f"**{_title(name)}**" if name == OURS else _title(name)
    area = _mean(said["area"]["accuracy"])
    return (title, needed(said), needed(said, "95"), f"{area:.3f}", *shown, f"{said['cpu_seconds_per_step']:.2f}")


def _with_origin(results: dict[str, Result]) -> list[tuple[Result, str]]:
    return [(result, _origin(results[f"{PREFIX}{result['set']}"])) for result in curves(results)]


def _origin(one: Result) -> str:
    result = one["result"]
    commits = sorted({commit for said in result["methods"].values() for commit in said["commits"]})
    families = {name.partition("/")[0] for name in result["methods"]}
    peers = ", ".join(f"{name} {version}" for name, version in result["peers"].items() if name in families)
    return (
        f"{result['seeds']} seeds, {result['batch']} labels a step, features `{result['features']}`"
        f"{f', {peers}' if peers else ''}. Put together {one['taken']} UTC from runs taken at {', '.join(commits)}."
    )


def _title(name: str) -> str:
    family, _, own = name.rpartition("/")
    if name in TITLES:
        return TITLES[name]
    called, _, tuned = own.partition(" ")
    return f"{'' if family == 'ours' else family + ' '}`{called}`{f', {tuned}' if tuned else ''}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _either(accuracy: float, macro_f1: float) -> str:
    return f"{accuracy:.3f} ({macro_f1:.3f})"


BLOCKS: dict[str, Callable[[dict[str, Result]], str]] = {
    "curves-answer": answer, "curves-sets": sets, "curves-all": everything,
}
