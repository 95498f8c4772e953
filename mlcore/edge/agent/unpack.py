"""From a zip to a folder that is there whole or not at all."""

import shutil
import zipfile
from pathlib import Path, PurePosixPath

from mlcore.edge.agent.durable import sync_folder, sync_tree
from mlcore.edge.agent.versions import HALF
from mlcore.edge.manifest import BundleProblem

_CHUNK = 1 << 20


def unpack_zip(zip_path: Path, folder: Path) -> None:
    """Unpack beside ``folder`` and put it there in one step, on the disk itself; what lay there is replaced.

    Names that would lead out of the folder are refused; links and rights in the zip are ignored.
    Raises BundleProblem for what is no bundle, OSError when the disk is full; then nothing is left.
    """
    half = folder.with_name(folder.name + HALF)
    shutil.rmtree(half, ignore_errors=True)
    try:
        half.mkdir()
        with zipfile.ZipFile(zip_path) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    _unpack_one(archive, entry, half)
        sync_tree(half)
        if folder.exists():
            shutil.rmtree(folder)
        half.rename(folder)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as problem:
        shutil.rmtree(half, ignore_errors=True)
        raise BundleProblem(f"The bundle is not a zip that can be read ({problem}); export it again.") from problem
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    sync_folder(folder.parent)


def _unpack_one(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, root: Path) -> None:
    name = PurePosixPath(entry.filename)
    if name.is_absolute() or ".." in name.parts or "\\" in entry.filename or ":" in entry.filename:
        raise BundleProblem(f"The bundle names the file {entry.filename!r} outside of itself; do not use this bundle.")
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, path.open("xb") as target:
        shutil.copyfileobj(source, target, _CHUNK)
