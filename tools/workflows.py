"""Write the workflows of the examples from one template for each CI system; with --check only report what has drifted.

An example is a folder of examples/ whose stack is in group_vars/. All of them release in the same way, and whoever
copies a file wants it whole.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "tools" / "workflows"
#: In a template, where the name of a stack goes.
STACK = "the-stack"


def stacks(root: Path = ROOT) -> list[str]:
    """The examples that are released by a pipeline."""
    return sorted(path.stem for path in (root / "group_vars").glob("*.yml") if (root / "examples" / path.stem).is_dir())


def wanted(root: Path = ROOT) -> dict[Path, str]:
    """Each workflow and its text."""
    templates = {path.name: path.read_text(encoding="utf-8") for path in sorted(TEMPLATES.iterdir())}
    return {
        root / "examples" / stack / "workflows" / name: text.replace(STACK, stack)
        for stack in stacks(root)
        for name, text in templates.items()
    }


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description="The workflows of the examples.")
    parser.add_argument("--check", action="store_true", help="change nothing, and fail if one is not as it should be")
    check = parser.parse_args(words).check
    drifted = []
    for path, text in wanted().items():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        drifted.append(path)
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in drifted:
        name = path.relative_to(ROOT)
        print(
            f"{name}: is not as its template makes it. Fix: make docs" if check else f"{name}: written", file=sys.stderr
        )
    return 1 if check and drifted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
