# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make bench` shows and leaves while it runs, without a lab."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support import bench
from support.bench import Bench, Plan


def begun(tmp_path: Path, plan: Plan) -> Bench:
    nothing: Any = SimpleNamespace()
    return Bench(nothing, tmp_path / "bench.yml", plan, tmp_path / "output" / "bench.md")


def test_each_figure_is_shown_and_kept_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = begun(tmp_path, Plan((5,), 1, others=False))
    run.note("floor", "promote", 5, 2.0)
    assert "1 of 11: promote of 5, floor: 2.00 s" in capsys.readouterr().out
    text = run.output.read_text()
    assert "| floor | 2.00 s |" in text and "Only 1 of 11 figures." in text
    assert run.output.with_suffix(".svg").exists()
    run.note("ours, on the host", "promote", 5, 2.1)
    assert "| promote of 5: times the floor | 1.05 | 1.10 | reached |" in run.output.read_text()
    assert sorted(path.name for path in run.output.parent.iterdir()) == ["bench.md", "bench.svg"]


def test_a_whole_run_is_not_called_a_part_of_one(tmp_path: Path) -> None:
    run = begun(tmp_path, Plan((20,), 1, others=False))
    for number in range(7):
        run.note(f"way {number}", "promote", 20, 1.0)
    assert "Only" not in run.output.read_text()


def test_the_short_form_has_what_the_limits_are_about(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ONEHOST_BENCH_SIZES", "ONEHOST_BENCH_ROUNDS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ONEHOST_SHORT", "1")
    assert bench.planned() == bench.SHORT and bench.SHORT.sizes == (1, 5)
    monkeypatch.setenv("ONEHOST_SHORT", "")
    assert bench.planned() == bench.FULL
    monkeypatch.setenv("ONEHOST_BENCH_ROUNDS", "7")
    assert bench.planned() == Plan(bench.FULL.sizes, 7)
