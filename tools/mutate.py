"""Change the engine's deciding modules on purpose, one place at a time, and see whether a test notices.

mutmut makes the changes. Each module is tried in a copy of its own with only the tests that are about it, and of its
changes a sample that the module's name decides, so that two runs try the same. A change of nothing but the wording of
a message (a text with a space in it) is not tried: tests look for the words that matter, not for whole sentences.
The figures go to docs/benchmarks/mutation.md.
"""

from __future__ import annotations

import argparse
import ast
import copy
import datetime
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ROOT / "plugins" / "module_utils" / "release"
WORK = ROOT / ".cache" / "mutate"
REPORT = ROOT / "docs" / "benchmarks" / "mutation.md"
#: What decides, and the tests that are about it.
MODULES: Mapping[str, Sequence[str]] = {
    "env_file": ("test_env_file",),
    "history": ("test_records", "test_operations"),
    "plan": ("test_records", "test_operations"),
    "release": ("test_records", "test_operations"),
    "value_types": ("test_value_types", "test_matrix"),
    "matrix": ("test_matrix",),
    "compose": ("test_compose",),
    "fields": ("test_fields",),
    "stack": ("test_stack_keys", "test_stack"),
    "stack_reader": ("test_stack_keys", "test_stack"),
    "stack_check": ("test_stack_keys", "test_stack"),
    "gates": ("test_gates",),
    "text": ("test_text",),
    "status_text": ("test_text", "test_small_decisions"),
    "matrix_check": ("test_matrix", "test_config"),
    "promote": ("test_release_contents", "test_operations", "test_compose"),
    "rollback": ("test_release_contents", "test_operations"),
    "preflight": ("test_small_decisions", "test_operations"),
    "app_env": ("test_small_decisions", "test_config", "test_compose", "test_operations"),
    "cleanup": ("test_cleanup_plan", "test_cleanup_run"),
}
NAME = re.compile(r"(?P<function>.+)__mutmut_(?P<number>\d+|orig)$")
CONFIGURATION = """\
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["src/release/{module}.py"]
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = ["-p", "no:randomly", "-p", "no:cacheprovider"]
use_git_change_detection = false
track_dependencies = false

[tool.pytest.ini_options]
pythonpath = ["tests"]
addopts = "--strict-markers"
markers = ["fault: needs a lab", "bench: needs a lab"]
"""


@dataclass(frozen=True)
class Score:
    """What became of one module's changes."""

    module: str
    known: int
    wording: int
    tried: int
    killed: int
    survived: tuple[str, ...]

    @property
    def share(self) -> float:
        return 100 * self.killed / self.tried if self.tried else 100.0


class _Plain(ast.NodeTransformer):
    """Sentences lose their words, so that two functions that differ in nothing else are the same."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str) and " " in node.value:
            return ast.Constant("some words")
        return node


def without_words(function: ast.AST) -> str:
    """The function's text, whatever it is called and however its messages are worded."""
    plain = copy.deepcopy(function)
    if isinstance(plain, (ast.FunctionDef, ast.AsyncFunctionDef)):
        plain.name = "function"
    return ast.dump(_Plain().visit(plain))


def changes_of(code: str) -> tuple[list[str], list[str]]:
    """The names of all changes in mutmut's file, and of those that change wording alone."""
    found = {
        node.name: node
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.FunctionDef) and NAME.fullmatch(node.name)
    }
    originals = {name: without_words(node) for name, node in found.items() if name.endswith("__mutmut_orig")}
    changed = [name for name in found if name not in originals]
    wording = []
    for name in changed:
        match = NAME.fullmatch(name)
        original = originals.get(f"{match['function']}__mutmut_orig" if match else "")
        if original == without_words(found[name]):
            wording.append(name)
    return changed, wording


def prepare(module: str, tests: Sequence[str]) -> Path:
    """A folder in which mutmut finds the engine, and the tests of one module alone."""
    place = WORK / module
    shutil.rmtree(place, ignore_errors=True)
    (place / "tests" / "unit").mkdir(parents=True)
    shutil.copytree(ENGINE, place / "src" / "release", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(
        ROOT / "tests" / "support", place / "tests" / "support", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("conftest", "promises", *tests):
        shutil.copy(ROOT / "tests" / "unit" / f"{name}.py", place / "tests" / "unit")
    paths = json.dumps([f"tests/unit/{name}.py" for name in tests])
    (place / "pyproject.toml").write_text(CONFIGURATION.format(module=module, tests=paths))
    return place


def mutmut(place: Path, *words: str, seconds: float) -> str:
    """What mutmut prints. One process, which makes way for everything else."""
    answer = subprocess.run(
        ["nice", "-n", "15", str(ROOT / ".venv" / "bin" / "mutmut"), *words],
        cwd=place,
        env=os.environ | {"HYPOTHESIS_PROFILE": "mutate"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=seconds,
    )
    return answer.stdout


def try_module(module: str, most: int) -> Score:
    """Try a sample of the module's changes."""
    place = prepare(module, MODULES[module])
    # A name that fits nothing: mutmut writes its file, sees which test reaches what, and tries none.
    printed = mutmut(place, "run", "--max-children", "1", "nothing", seconds=900)
    mutated = place / "mutants" / "src" / "release" / f"{module}.py"
    if not mutated.is_file():
        raise SystemExit(f"mutate: {module}: mutmut made no changes:\n{printed[-3000:]}")
    changed, wording = changes_of(mutated.read_text())
    worth = sorted(set(changed) - set(wording))
    sample = sorted(random.Random(module).sample(worth, min(most, len(worth))))
    names = [f"release.{module}.{name}" for name in sample]
    printed = mutmut(place, "run", "--max-children", "1", *names, seconds=3000)
    codes = json.loads((mutated.parent / f"{module}.py.meta").read_text())["exit_code_by_key"]
    tried = {name: codes.get(name) for name in names}
    unknown = [name for name, code in tried.items() if code is None]
    if unknown:
        raise SystemExit(f"mutate: {module}: {len(unknown)} changes were not tried:\n{printed[-3000:]}")
    # 0: every test passed; 5 and 33: no test reaches it.
    survived = tuple(name for name, code in tried.items() if code in (0, 5, 33))
    for name in survived:
        print(mutmut(place, "show", name, seconds=60))
    return Score(module, len(changed), len(wording), len(tried), len(tried) - len(survived), survived)


def report(scores: Sequence[Score], most: int) -> str:
    """The page in docs/benchmarks/."""
    tried, killed = sum(score.tried for score in scores), sum(score.killed for score in scores)
    today = datetime.datetime.now(datetime.timezone.utc).date()
    lines = [
        "# Mutation",
        "",
        f"Written by `make mutate` on {today}: the modules that decide were changed in one place at a time",
        "(`x < y` to `x <= y`, `and` to `or`, a value to another), and the tests that are about the module were run.",
        f"A change that no test notices has survived. At most {most} changes of each module were tried, chosen by",
        "chance, the same in each run. Changes of nothing but the wording of a message are left out, and mutmut leaves",
        "properties and what stands outside of functions as they are.",
        "",
        f"**{killed} of {tried} noticed: {100 * killed / tried:.1f} %.**",
        "",
        "| module | changes known | wording alone | tried | noticed | |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| `{s.module}` | {s.known} | {s.wording} | {s.tried} | {s.killed} | {s.share:.0f} % |"
        for s in sorted(scores, key=lambda score: score.module)
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("modules", nargs="*", help="only these, and no report: " + ", ".join(MODULES))
    parser.add_argument("--most", type=int, default=60, help="changes of each module (60)")
    parser.add_argument("--least", type=float, default=85, help="fail below this share in per cent (85)")
    options = parser.parse_args()
    unknown = sorted(set(options.modules) - set(MODULES))
    if unknown:
        parser.error(f"no such module: {', '.join(unknown)}")
    scores = []
    for module in options.modules or MODULES:
        scores.append(try_module(module, options.most))
        print(f"mutate: {module}: {scores[-1].killed} of {scores[-1].tried} noticed", flush=True)
        if not options.modules:
            # Each time, so that what was found is not lost when the run is ended.
            REPORT.write_text(report(scores, options.most))
    share = 100 * sum(s.killed for s in scores) / max(1, sum(s.tried for s in scores))
    if share < options.least:
        print(f"mutate: {share:.1f} % noticed, less than {options.least:g} %", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
