"""A folder on this machine becomes images, with the classes of its folders or of a CSV file if wanted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from annotator.images.bulk import Arrival, ingest_many
from annotator.images.folder_labels import class_folder, folder_of, normal, read_csv
from annotator.images.ingest import Ingested, close_batch, open_batch
from annotator.images.models import Import
from annotator.projects.errors import Invalid
from annotator.projects.models import Label, Project, User
from annotator.projects.setup import labels_named
from mlcore.images import ImageProblem

OnProgress = Callable[[int, int, Ingested], None]


def import_folder(
    *, project: Project, folder: Path, labels: str = "none", user: User | None = None, on_progress: OnProgress | None = None
) -> Import:
    """Take every file below `folder` (or the one file it names), told one by one to `on_progress(done, total, what)`.

    labels: "none", "folder" (the folder that a file lies in is its class), or the path of a CSV file of path,label, with
    paths relative to `folder`. Running it again takes only what is new. Raises Invalid, NoSpace.
    """
    paths = find_files(folder)
    root = folder if folder.is_dir() else folder.parent
    names = [path.relative_to(root).as_posix() for path in paths]
    classes = _classes(names, root, labels)
    rows = labels_named(project=project, names=sorted(set(classes.values())))
    batch = open_batch(
        project=project, source=Import.Source.FOLDER, user=user, expected=len(paths), name=folder.name,
        labels_from="" if labels == "none" else "folder" if labels == "folder" else "csv",
    )
    arrivals = (_arrival(path, name, rows.get(classes.get(name, ""))) for path, name in zip(paths, names, strict=True))
    for done, result in enumerate(ingest_many(project=project, batch=batch, arrivals=arrivals), start=1):
        if on_progress is not None:
            on_progress(done, len(paths), result)
    return close_batch(batch=batch)


def find_files(folder: Path) -> list[Path]:
    """The files of a folder and of those below it, in order, without what is hidden; links to folders are not followed."""
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise Invalid(f"There is no folder {folder}: check the path.", field="folder")
    found = sorted(path for path in folder.rglob("*") if path.is_file() and _may_be_image(path.relative_to(folder)))
    if not found:
        raise Invalid(f"The folder {folder} holds no files.", field="folder")
    return found


def _may_be_image(path: Path) -> bool:
    return path.suffix.lower() != ".csv" and not any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _classes(names: list[str], root: Path, labels: str) -> dict[str, str]:
    """Name of a file -> name of its class."""
    if labels == "none":
        return {}
    if labels == "folder":
        # A file that lies in none of the folders is of the class that the whole folder is named for.
        here = {name: name if folder_of(name) else f"{root.name}/{name}" for name in names}
        return {name: folder for name, path in here.items() if (folder := class_folder(path))}
    wanted = read_csv(Path(labels))
    unknown = sorted(set(wanted) - {normal(name) for name in names})
    if unknown:
        raise Invalid(
            f"{len(unknown)} of the {len(wanted)} paths in the CSV are not in {root}, '{unknown[0]}' for one: "
            "write them relative to the folder.", field="labels",
        )
    return {name: wanted[name] for name in names if name in wanted}


def _arrival(path: Path, name: str, label: Label | None) -> Arrival:
    def read() -> bytes:
        try:
            if path.stat().st_size > settings.MAX_FILE_BYTES:
                most = settings.MAX_FILE_BYTES
                raise ImageProblem("too_large", f"The file has more than {most:,} bytes: save it smaller.")
            return path.read_bytes()
        except OSError as error:
            raise ImageProblem("missing", f"The file cannot be read ({error.strerror}): check its rights.") from error

    return Arrival(name=name, read=read, label=label)
