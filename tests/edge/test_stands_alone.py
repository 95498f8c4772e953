"""The runtime needs numpy, openvino, pillow and cryptography, and calls nobody."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import mlcore.edge

EDGE = Path(mlcore.edge.__file__).parent

IMPORT_ALL = """
import importlib, pkgutil, sys, sysconfig
from pathlib import Path
import mlcore.edge
for module in pkgutil.walk_packages(mlcore.edge.__path__, "mlcore.edge."):
    importlib.import_module(module.name)
places = [Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")]
files = [Path(found.__file__) for found in list(sys.modules.values()) if getattr(found, "__file__", None)]
third = {file.relative_to(place).parts[0].split(".")[0] for file in files for place in places if file.is_relative_to(place)}
allowed = {"numpy", "openvino", "PIL", "cryptography", "_cffi_backend", "packaging", "_distutils_hack"}  # three come along
ours = {name for name in sys.modules if name.startswith("mlcore.") and not name.startswith("mlcore.edge")}
print(*sorted(third - allowed), *ours)
"""


def run_python(code: str, folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run code with `folder` as the place that mlcore is imported from."""
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**environment, "HOME": str(home), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_module_imports_without_the_rest_of_the_project(tmp_path):
    shutil.copytree(EDGE, tmp_path / "mlcore" / "edge", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "mlcore" / "__init__.py").touch()
    done = run_python(IMPORT_ALL, tmp_path, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_reading_a_picture_does_not_load_openvino(tmp_path):
    done = run_python("import mlcore.edge.preprocess, sys; print('openvino' in sys.modules)", EDGE.parents[1], tmp_path)
    assert done.stdout.strip() == "False", done.stderr


def test_openvino_keeps_no_count_of_its_use(tmp_path):
    """Telemetry leaves a client id in the home folder; see mlcore/edge/__init__.py."""
    done = run_python("import mlcore.edge.runtime", EDGE.parents[1], tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
