"""Draws the curves as SVG: few elements, stable ids and short numbers, so that another measurement changes few lines.

Colours are in the middle between black and white, on nothing, so that a picture reads on a light page and on a dark one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.learning_curves.tables import NAIVE, OURS, RANDOM, best_peer, curves

Result = dict[str, Any]

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 56, 190, 34, 48
GREY = "#797979"
# Told apart without colour too, by their dashes.
COLOURS = {"auto": "#2f81f7", "random": "#8a7a1f", "naive": "#d1622b", "peer": "#2e9e57"}
DASHES = {"auto": "", "random": "6 3", "naive": "2 3", "peer": "9 3 2 3"}
MEASURES = {"accuracy": ("accuracy", "accuracy"), "macro-f1": ("macro_f1", "macro F1")}


def figures(results: dict[str, Result]) -> dict[str, str]:
    """Every picture by its file name."""
    return {
        f"{result['set']}-{name}.svg": drawn(result, measure, told)
        for result in curves(results)
        for name, (measure, told) in MEASURES.items()
    }


def write_figures(results: dict[str, Result], folder: Path) -> None:
    """Put the pictures there, and take away those of sets that are measured no more."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = figures(results)
    for old in folder.glob("*.svg"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text)


def drawn(result: Result, measure: str, told: str) -> str:
    """One set and measure: mean and standard deviation over the seeds of four methods."""
    peer = best_peer(result, measure)
    chosen = {"auto": OURS, "random": RANDOM, "naive": NAIVE, **({"peer": peer} if peer else {})}
    said = {name: result["methods"][method] for name, method in chosen.items() if method in result["methods"]}
    titles = {"auto": "auto", "random": "random, same head", "naive": "naive recipe", "peer": peer or ""}
    bands = [_around(one[measure]) for one in said.values()]
    low, high = _range([value for band in bands for side in band for value in side])
    labels = next(iter(said.values()))["labels"]
    axes = _Axes(labels[0], labels[-1], low, high)
    parts = [*_grid(axes), *_full(axes, result["full"][measure]["mean"])]
    for (name, one), (below, above) in zip(said.items(), bands, strict=True):
        parts += _line(name, axes, labels, one[measure]["mean"], below, above)
    parts += _legend(axes, {name: (titles[name], one[measure]["mean"][-1]) for name, one in said.items()})
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="{GREY}" role="img" aria-labelledby="title">',
        f'<title id="title">{result["set"]}: {told} against labels</title>',
        f'<text id="heading" x="{LEFT}" y="20" font-size="15" font-weight="600">{result["set"]}: {told}</text>',
        *parts,
        "</svg>\n",
    ])


class _Axes:
    """From labels and shares to places on the picture."""

    def __init__(self, first: int, last: int, low: float, high: float) -> None:
        self.first, self.last, self.low, self.high = first, last, low, high

    def x(self, labels: float) -> float:
        return round(LEFT + (labels - self.first) / max(self.last - self.first, 1) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        return round(TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM), 1)


def _around(spread: Result) -> tuple[list[float], list[float]]:
    pairs = list(zip(spread["mean"], spread["std"], strict=True))
    return [max(0.0, mean - std) for mean, std in pairs], [min(1.0, mean + std) for mean, std in pairs]


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Whole tenths around all of them."""
    low, high = int(min(values) * 10) / 10, min(1.0, int(max(values) * 10 + 1) / 10)
    return low, max(high, low + 0.1)


def _grid(axes: _Axes) -> list[str]:
    tenths = range(round(axes.low * 10), round(axes.high * 10) + 1)
    steps = [axes.first, *range(50, axes.last + 1, 50)]
    lines = "".join(f"M{axes.x(axes.first)} {axes.y(t / 10)}H{axes.x(axes.last)}" for t in tenths)
    return [
        f'<path id="grid" d="{lines}" fill="none" stroke="{GREY}" stroke-opacity=".3"/>',
        *(f'<text x="{LEFT - 8}" y="{axes.y(t / 10) + 4:.1f}" text-anchor="end">{t / 10:.1f}</text>' for t in tenths),
        *(f'<text x="{axes.x(n)}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{n}</text>' for n in steps),
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">labels given</text>',
    ]


def _full(axes: _Axes, value: float) -> list[str]:
    """What all labels give, where it is inside the picture."""
    if not axes.low <= value <= axes.high:
        return []
    y = axes.y(value)
    return [
        f'<path id="all-labels" d="M{axes.x(axes.first)} {y}H{axes.x(axes.last)}" stroke="{GREY}" stroke-dasharray="1 4"/>',
        f'<text x="{axes.x(axes.first) + 4}" y="{y - 5:.1f}">all labels: {value:.3f}</text>',
    ]


def _line(
    name: str, axes: _Axes, labels: Sequence[int], mean: Sequence[float], below: Sequence[float], above: Sequence[float]
) -> list[str]:
    there = [f"{axes.x(n)} {axes.y(v)}" for n, v in zip(labels, above, strict=True)]
    back = [f"{axes.x(n)} {axes.y(v)}" for n, v in zip(reversed(labels), reversed(below), strict=True)]
    line = "L".join(f"{axes.x(n)} {axes.y(v)}" for n, v in zip(labels, mean, strict=True))
    return [
        f'<path id="{name}-band" d="M{"L".join(there + back)}Z" fill="{COLOURS[name]}" fill-opacity=".14"/>',
        f'<path id="{name}" d="M{line}" fill="none" stroke="{COLOURS[name]}" stroke-width="2" '
        f'stroke-dasharray="{DASHES[name]}"/>',
    ]


def _legend(axes: _Axes, ends: dict[str, tuple[str, float]]) -> list[str]:
    """Names at the ends of their lines, moved apart where they would touch."""
    parts: list[str] = []
    free = 0.0
    for name, (title, value) in sorted(ends.items(), key=lambda item: -item[1][1]):
        free = max(axes.y(value) + 4, free)
        parts.append(f'<text id="{name}-name" x="{WIDTH - RIGHT + 8}" y="{free:.1f}" fill="{COLOURS[name]}">{title}</text>')
        free += 17
    return parts
