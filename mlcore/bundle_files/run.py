"""Tell the class of pictures with the model in this folder; ``python run.py --help`` shows how."""

import sys
from pathlib import Path

try:
    from mlcore.edge.cli import main
except ModuleNotFoundError as missing:
    if str(missing.name).startswith("mlcore"):
        raise
    sys.stderr.write(f"run.py: {missing.name} is not installed: pip install -r requirements.txt\n")
    raise SystemExit(2) from missing

if __name__ == "__main__":
    raise SystemExit(main(bundle=Path(__file__).resolve().parent))
