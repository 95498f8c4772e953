"""Tell the class of pictures with the model in this folder; ``python run.py --help`` shows how."""

from pathlib import Path

from mlcore.edge.cli import main

if __name__ == "__main__":
    raise SystemExit(main(bundle=Path(__file__).resolve().parent))
