"""annotator simulate: replay a labelled folder as if a person labelled it, and print how fast each strategy learns."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotator.cli.data_option import add_data_option
from annotator.cli.project_argument import find_project, missing
from annotator.config.database import open_database
from annotator.config.start import start_django
from annotator.supervisor.refusal import Refusal

if TYPE_CHECKING:
    from annotator.cli import Parsers
    from mlcore.labelled_folder import LabelledFolder
    from mlcore.simulate import Simulation


def add_parser(subparsers: Parsers) -> None:
    """annotator simulate FOLDER|--project NAME [--strategy a,b] [--labels N] [--seeds N] [--batch N] [--json] ..."""
    parser = subparsers.add_parser("simulate", help="replay a labelled folder and print learning curves")
    parser.add_argument(
        "folder", type=Path, nargs="?", help="one subfolder a class, train/ and test/ of these, or a CSV file"
    )
    parser.add_argument("--project", help="instead of a folder: the labelled images of a project, by its name or number")
    parser.add_argument("--strategy", default="auto,margin,random", help="names with commas (default: %(default)s)")
    parser.add_argument("--head", default="blend", help="what learns (default: %(default)s)")
    parser.add_argument("--backbone", default="lite0", help="what sees (default: %(default)s)")
    parser.add_argument("--labels", type=int, default=200, help="answers to give (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=10, help="answers between two rankings (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=5, help="repeats, each with its own split (default: %(default)s)")
    parser.add_argument("--test", type=float, default=0.3, help="share kept for measuring (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    add_data_option(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the curves; features are kept in the data directory, so a second run starts at once."""
    from mlcore import backbones, heads, strategies
    from mlcore.labelled_folder import FolderProblem, read_labelled_folder
    from mlcore.simulate import simulate

    names = list(dict.fromkeys(name for name in args.strategy.split(",") if name))
    _check("strategy", names, strategies.REGISTRY)
    _check("head", [args.head], heads.REGISTRY)
    _check("backbone", [args.backbone], backbones.REGISTRY)
    if (args.folder is None) == (args.project is None):
        raise Refusal("Give either a FOLDER or --project.")
    try:
        if args.project is not None:
            folder, fingerprint = _labelled_in(args.project, args.data)
        else:
            extractor = backbones.extractor(args.backbone, folder=args.data / "ir")
            fingerprint = extractor.fingerprint
            folder = read_labelled_folder(
                args.folder, extractor=extractor, store_root=args.data / "features", progress=_say_features
            )
        result = simulate(
            folder.gap,
            folder.labels,
            len(folder.classes),
            strategies=names,
            labels=args.labels,
            batch=args.batch,
            seeds=args.seeds,
            test=args.test,
            held_out=folder.held_out,
            head=args.head,
            progress=_say_run,
        )
    except (FolderProblem, backbones.BackboneMissing, ValueError) as problem:
        raise Refusal(str(problem)) from problem
    report = as_report(folder, result, args, fingerprint)
    print(json.dumps(report, indent=2) if args.json else as_table(report))
    return 0


def _labelled_in(wanted: str, data: Path) -> tuple[LabelledFolder, str]:
    """The labelled images of a project with the features that it has, and their fingerprint."""
    start_django(data)
    open_database()

    from annotator.learning.replay_run import labelled
    from mlcore.labelled_folder import LabelledFolder

    project = find_project(wanted)
    if project is None:
        raise missing(wanted)
    known = labelled(project)
    return LabelledFolder(known.gap, known.truth, known.classes, skipped=()), known.fingerprint


def as_report(folder: LabelledFolder, result: Simulation, args: argparse.Namespace, fingerprint: str) -> dict[str, Any]:
    """What --json prints: the question, the reference, and for each strategy its curve."""
    return {
        "folder": args.folder.name if args.project is None else args.project,
        "images": len(folder.labels),
        "skipped": len(folder.skipped),
        "classes": {name: int((folder.labels == c).sum()) for c, name in enumerate(folder.classes)},
        "pool_images": result.pool_images,
        "test_images": result.test_images,
        "features": fingerprint,
        "head": args.head,
        "batch": args.batch,
        "seeds": args.seeds,
        "split": "its own" if folder.held_out is not None else f"{args.test:g} of each class, drawn anew for each seed",
        "full_data": {
            "accuracy": _spread(result.full_accuracy),
            "macro_f1": _spread(result.full_macro_f1),
            "majority_class": _spread(result.majority),
        },
        "strategies": {
            curve.strategy: {
                "labels": list(curve.labels),
                "accuracy": _spread(curve.accuracy),
                "macro_f1": _spread(curve.macro_f1),
                "labels_for_90_percent": _needed(curve.needed),
                "labels_for_95_percent": _needed(curve.needed_close),
                "area_under_accuracy": _spread(curve.area),
                "cpu_seconds_per_step": round(curve.cpu_seconds, 4),
            }
            for curve in result.curves
        },
    }


def as_table(report: dict[str, Any]) -> str:
    """The report for people: accuracy (macro F1) at a few numbers of labels, and labels needed."""
    curves = report["strategies"]
    points = next(iter(curves.values()))["labels"]
    shown = [i for i, n in enumerate(points) if n in (10, 20, 50, 100, 150, 200, 300, 500) or i == len(points) - 1]
    full = report["full_data"]
    lines = [
        f"{report['images']} images, {len(report['classes'])} classes; pool {report['pool_images']}, "
        f"test {report['test_images']}, {report['seeds']} seeds, features {report['features']}, head {report['head']}",
        f"all labels, plain logistic regression: accuracy {full['accuracy']['mean']:.3f}, "
        f"macro F1 {full['macro_f1']['mean']:.3f} (always the largest class: {full['majority_class']['mean']:.3f})",
        "",
        "accuracy ± std between seeds (macro F1) after so many labels; labels needed; mean accuracy along the curve",
        "".join([f"{'':<18}", *(f"{points[i]:>23}" for i in shown), f"{'for 90 %':>18}{'for 95 %':>18}{'area':>8}"]),
    ]
    for name, curve in curves.items():
        cells = [
            f"{curve['accuracy']['mean'][i]:.3f} ± {curve['accuracy']['std'][i]:.3f} ({curve['macro_f1']['mean'][i]:.3f})"
            for i in shown
        ]
        needed = [_said(curve[f"labels_for_{share}_percent"], points[-1]) for share in (90, 95)]
        told = [*(f"{cell:>23}" for cell in cells), *(f"{count:>18}" for count in needed)]
        lines.append("".join([f"{name:<18}", *told, f"{curve['area_under_accuracy']['mean']:>8.3f}"]))
    return "\n".join(lines)


def _said(needed: dict[str, Any], budget: int) -> str:
    if not needed["reached"]:
        return f"> {budget}"
    seeds = "" if needed["reached"] == needed["seeds"] else f" ({needed['reached']}/{needed['seeds']})"
    return f"{needed['mean']:.0f} ± {needed['std']:.0f}{seeds}"


def _needed(needed: tuple[int | None, ...]) -> dict[str, Any]:
    """Mean and std over the seeds that got there, and how many did."""
    import numpy as np

    there = [n for n in needed if n is not None]
    return {
        **(_spread(np.asarray(there)) if there else {"mean": None, "std": None}),
        "reached": len(there),
        "seeds": len(needed),
        "each": list(needed),
    }


def _spread(values: Any) -> dict[str, Any]:
    """Mean and sample standard deviation over the first axis, to four places."""
    deviation = values.std(axis=0, ddof=1 if len(values) > 1 else 0)
    return {"mean": values.mean(axis=0).astype(float).round(4).tolist(), "std": deviation.astype(float).round(4).tolist()}


def _check(what: str, names: list[str], known: dict[str, Any]) -> None:
    for name in names or [""]:
        if name not in known:
            raise Refusal(f"--{what}: '{name}' is not known; choose from {', '.join(known)}.")


def _say_features(done: int, total: int) -> None:
    print(f"\rfeatures {done} / {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _say_run(strategy: str, done: int, total: int) -> None:
    print(f"\rruns {done} / {total} ({strategy})   ", end="\n" if done == total else "", file=sys.stderr, flush=True)
