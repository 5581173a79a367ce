"""The console command: `gan-from-scratch NAME [options]` runs an experiment, `gan-from-scratch` alone lists them.

In a checkout `python -m experiments.NAME` does the same.
"""

import ast
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHIPPED = HERE / "commands"  # where a wheel has the package `experiments`: on nobody's path, in nobody's way


def main() -> None:
    """Run the command that sys.argv names. Its exit code is this program's."""
    home = SHIPPED if SHIPPED.is_dir() else HERE.parent
    known = headlines(home / "experiments")
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        print("gan-from-scratch NAME [options]; each NAME has --help\n")
        print("\n".join(f"{name:24} {headline}" for name, headline in known.items()))
        return
    if name not in known:
        print(f"error: NAME is {name!r}, but must be one of {', '.join(known)}", file=sys.stderr)
        sys.exit(2)
    # Commands that start further ones find them too, and no `experiments` of the folder they run in before them.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(home), os.environ.get("PYTHONPATH")]))
    os.environ["PYTHONSAFEPATH"] = "1"
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", f"experiments.{name}", *sys.argv[2:]])


def headlines(folder: Path) -> dict[str, str]:
    """Each command in the folder with the first line of its docstring. Nothing is imported, so this is instant."""
    paths = sorted(folder.glob("[!_]*.py"))
    docstrings = {path.stem: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) for path in paths}
    return {name: (docstring or "").partition("\n")[0] for name, docstring in docstrings.items()}


if __name__ == "__main__":
    main()
