"""annotator import: a folder, a zip or one picture becomes images of a project; no server needs to run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from annotator.cli.data_option import add_data_option
from annotator.cli.project_argument import find_project, missing
from annotator.cli.without_site import LATER, hush_without_site
from annotator.config.database import open_database
from annotator.config.start import start_django
from annotator.supervisor.refusal import Refusal

if TYPE_CHECKING:
    from annotator.cli import Parsers
    from annotator.images.ingest import Ingested
    from annotator.images.models import Import
    from annotator.projects.models import Project, User

# In a terminal the count is written anew after so many files, else a line is.
EVERY, EVERY_LINE = 10, 1000


def add_parser(subparsers: Parsers) -> None:
    """annotator import PROJECT PATH [--labels folder|CSV] [--data]"""
    parser = subparsers.add_parser("import", help="bring a folder, a zip or a picture into a project")
    parser.add_argument("project", help="its name or number; a name that is new makes a project")
    parser.add_argument("path", type=Path, help="a folder with everything below it, a zip, or one picture")
    parser.add_argument(
        "--labels", default="none", metavar="folder|CSV",
        help="'folder': each picture's folder is its class; or a CSV file with lines of path,label",
    )
    add_data_option(parser)


def run(args: argparse.Namespace) -> int:
    """Running it again takes only what is new. Exit code 1 when nothing could be taken."""
    path = args.path.expanduser().resolve()
    if not path.exists():
        raise Refusal(f"There is no folder or file {path}: check PATH.")
    start_django(args.data)
    open_database()

    from annotator import pipeline
    from annotator.projects.tokens import owner

    alone = hush_without_site()
    user = owner()
    project = find_project(args.project) or _make_project(args.project, user)
    batch = (
        _import_zip(project, path, args.labels, user)
        if path.is_file() and path.suffix.lower() == ".zip"
        else _import_folder(project, path, args.labels, user)
    )
    pipeline.images_arrived(project.pk)
    _report(batch, project)
    if alone:
        print(LATER)
    return 0 if batch.stored or batch.duplicates else 1


def _make_project(name: str, user: User) -> Project:
    from annotator.projects.setup import create_project

    if name.isdecimal():
        raise missing(name)
    project = create_project(owner=user, name=name)
    print(f"Made the project '{project.name}' (number {project.pk}).")
    return project


def _import_folder(project: Project, path: Path, labels: str, user: User) -> Import:
    from annotator.images.folder import import_folder

    def tell(done: int, total: int, result: Ingested) -> None:
        _count(done, total)

    chosen = labels if labels in ("none", "folder") else str(Path(labels).expanduser().resolve())
    return import_folder(project=project, folder=path, labels=chosen, user=user, on_progress=tell)


def _import_zip(project: Project, path: Path, labels: str, user: User) -> Import:
    from annotator.images.archive import extract
    from annotator.images.chunks import CHUNK_BYTES, add_chunk
    from annotator.images.ingest import open_batch
    from annotator.images.models import Import
    from annotator.jobs.models import Job
    from annotator.jobs.progress import running, start_job

    if labels not in ("none", "folder"):
        raise Refusal("A CSV of classes goes with a folder: unpack the zip, or use --labels folder.")
    batch = open_batch(
        project=project, source=Import.Source.ARCHIVE, user=user, name=path.name,
        labels_from="folder" if labels == "folder" else "",
    )
    length = path.stat().st_size
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            add_chunk(batch=batch, offset=file.tell() - len(piece), length=length, data=piece)
    job = start_job(project=project, kind=Job.Kind.IMPORT, params={"import": batch.pk}, user=user, here=True)
    with running(job) as work:
        work.listeners.append(lambda done, total, message: _count(done, total))
        extract(work)
    job.refresh_from_db()
    if job.state != Job.State.DONE:
        raise Refusal(job.error or "The import was cancelled.")
    batch.refresh_from_db()
    return batch


def _count(done: int, total: int) -> None:
    if sys.stderr.isatty():
        if done % EVERY == 0 or done == total:
            print(f"\r{done} of {total} files", end="\n" if done == total else "", file=sys.stderr, flush=True)
    elif done and done % EVERY_LINE == 0:
        print(f"{done} of {total} files", file=sys.stderr, flush=True)


def _report(batch: Import, project: Project) -> None:
    stored = f"{batch.stored} image{'' if batch.stored == 1 else 's'} stored"
    print(f"{stored} in '{project.name}', {batch.duplicates} were there already, {batch.refused} refused.")
    for problem in batch.problems.order_by("id"):
        print(f"  {problem.name}: {problem.message}")
