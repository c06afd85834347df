# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every decision has one form: number and title, status, date, context, choice, alternatives, cost."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest
from support.package import ROOT

PAGES = sorted((ROOT / "docs" / "decisions").glob("*.md"))
SECTIONS = ["Context", "Choice", "Alternatives", "Cost"]
HEAD = re.compile(
    r"# (?P<number>\d+)\. (?P<title>.+)\n\n"
    r"\* Status: (?P<status>proposed|accepted|rejected|superseded)(?P<rest>.*)\n"
    r"\* Date: (?P<date>\d{4}-\d{2}-\d{2})\n\n"
    r"## Context\n"
)

every_decision = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


def test_numbers_are_used_once() -> None:
    numbers = [path.name[:4] for path in PAGES]
    assert len(set(numbers)) == len(numbers)


@every_decision
def test_the_head_says_status_and_date(path: Path) -> None:
    head = HEAD.match(path.read_text())
    assert head, "expected '# <number>. <title>', '* Status: …', '* Date: YYYY-MM-DD', '## Context'"
    assert int(head["number"]) == int(path.name[:4])
    datetime.date.fromisoformat(head["date"])


@every_decision
def test_all_sections_are_there_and_say_something(path: Path) -> None:
    parts = re.split(r"^## (.+)\n", path.read_text(), flags=re.M)
    assert parts[1::2] == SECTIONS
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        assert len(text.split()) >= 5, name


@every_decision
def test_what_replaces_a_decision_says_so_too(path: Path) -> None:
    head = HEAD.match(path.read_text())
    assert head
    for word, target in re.findall(
        r"(superseded by|supersedes) \[decision \d+\]\(([\w.-]+)\)", head["status"] + head["rest"]
    ):
        back = "supersedes" if word == "superseded by" else "superseded by"
        other = HEAD.match((path.parent / target).read_text())
        assert other and f"{back} [decision {int(head['number'])}]({path.name})" in other["status"] + other["rest"]
    if head["status"] == "superseded":
        assert head["rest"].startswith(" by [decision ")
