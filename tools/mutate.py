"""Mutation tests: change the engine's deciding modules, one place at a time, and see whether a test notices.

mutmut makes the changes. Each module is tried in a copy of its own with only the tests that are about it, and with a
sample of its changes that depends on the module's name only, so that two runs try the same. Changes of a message's
wording alone (a text with a space in it) are not tried: tests look for the words that matter, not whole sentences.
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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ROOT / "plugins" / "module_utils" / "release"
WORK = ROOT / ".cache" / "mutate"
REPORT = ROOT / "docs" / "benchmarks" / "mutation.md"
TESTS = ROOT / "tests"
#: The packages that decide; code that acts on a host is tested on a real one.
CORE = ("util", "env", "stack", "releases", "planning", "rendering")
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
addopts = "--strict-markers --import-mode=importlib"
markers = ["fault: needs a lab", "bench: needs a lab"]
"""


@dataclass(frozen=True)
class Score:
    """The results for one module's changes."""

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
    """Replaces sentences, so that two functions that differ only in wording become equal."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str) and " " in node.value:
            return ast.Constant("some words")
        return node


def without_words(function: ast.AST) -> str:
    """The function's text without its name and the wording of its messages."""
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


def tests_of(module: str) -> list[str]:
    """The tests that are about a module: those of its package, those of the same subject in other layers, and the
    invariants for what releases are made of. mutmut runs the ones that reach a change."""
    package, _, name = module.partition("/")
    same = sorted(str(path.relative_to(ROOT)) for path in TESTS.glob(f"unit/*/test_{name}.py"))
    mine = f"tests/unit/{package}"
    others = [path for path in same if not path.startswith(f"{mine}/")]
    return [mine, *others, *(["tests/invariants"] if package in ("releases", "planning") else [])]


def modules() -> list[str]:
    """The modules to try: each module of the core that has a test file of its own."""
    return [
        f"{package}/{path.stem}"
        for package in CORE
        for path in sorted((ENGINE / package).glob("*.py"))
        if (TESTS / "unit" / package / f"test_{path.stem}.py").is_file()
    ]


def prepare(module: str) -> Path:
    """A folder in which mutmut finds the engine and only the tests of one module."""
    place = WORK / module
    shutil.rmtree(place, ignore_errors=True)
    rubbish = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ENGINE, place / "src" / "release", ignore=rubbish)
    tests = tests_of(module)
    conftests = [str(path.relative_to(ROOT)) for path in (TESTS / "conftest.py", *TESTS.glob("unit/**/conftest.py"))]
    for name in ("tests/support", "tests/fakes", *conftests, *tests):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place / name, ignore=rubbish, dirs_exist_ok=True)
        else:
            shutil.copy(ROOT / name, place / name)
    (place / "pyproject.toml").write_text(CONFIGURATION.format(module=module, tests=json.dumps(tests)))
    return place


def mutmut(place: Path, *words: str, seconds: float) -> str:
    """Run mutmut and return its output. One process with low priority."""
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
    place = prepare(module)
    # A name that matches nothing: mutmut writes its file, records which test reaches what, and tries none.
    printed = mutmut(place, "run", "--max-children", "1", "nothing", seconds=900)
    mutated = place / "mutants" / "src" / "release" / f"{module}.py"
    if not mutated.is_file():
        raise SystemExit(f"mutate: {module}: mutmut made no changes:\n{printed[-3000:]}")
    changed, wording = changes_of(mutated.read_text())
    worth = sorted(set(changed) - set(wording))
    sample = sorted(random.Random(module).sample(worth, min(most, len(worth))))
    names = [f"release.{module.replace('/', '.')}.{name}" for name in sample]
    printed = mutmut(place, "run", "--max-children", "1", *names, seconds=3000)
    codes = json.loads((mutated.parent / f"{mutated.name}.meta").read_text())["exit_code_by_key"]
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
    known = modules()
    parser.add_argument("modules", nargs="*", help="only these, and no report: " + ", ".join(known))
    parser.add_argument("--most", type=int, default=60, help="changes of each module (60)")
    parser.add_argument("--least", type=float, default=85, help="fail below this share in per cent (85)")
    options = parser.parse_args()
    unknown = sorted(set(options.modules) - set(known))
    if unknown:
        parser.error(f"no such module: {', '.join(unknown)}")
    scores = []
    for module in options.modules or known:
        scores.append(try_module(module, options.most))
        print(f"mutate: {module}: {scores[-1].killed} of {scores[-1].tried} noticed", flush=True)
        if not options.modules:
            # Each time, so that no result is lost if the run is interrupted.
            REPORT.write_text(report(scores, options.most))
    share = 100 * sum(s.killed for s in scores) / max(1, sum(s.tried for s in scores))
    if share < options.least:
        print(f"mutate: {share:.1f} % noticed, less than {options.least:g} %", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
