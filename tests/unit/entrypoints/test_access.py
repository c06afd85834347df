# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may act on which stack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fakes.stacks import shop_definition

import onehost_control as control
from release.entrypoints import access
from release.errors import RefusedError
from release.stack.model import Stack
from release.stack.reader import read_stack


def test_who_may_act_on_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "access.json"
    monkeypatch.setenv("SUDO_USER", "nobody")
    monkeypatch.setattr(access, "may_become_root", lambda name: False)
    assert access.caller(str(settings)) == access.Caller("nobody", True)
    settings.write_text('{"group": ""}')
    assert access.caller(str(settings)).limited
    settings.write_text('{"group": "nogroup"}')
    assert access.caller(str(settings)) == access.Caller("nobody", False, "nogroup")
    settings.write_text('{"group": "nowhere"}')
    assert access.caller(str(settings)).limited
    assert not access.is_member("no-such-user", "nogroup")
    for damaged in ("", "{", "[]", "{}", '{"group": 5}'):
        settings.write_text(damaged)
        assert access.caller(str(settings)) == access.Caller("nobody", True), "the least that anybody may do"
    for name in ("", "root"):
        monkeypatch.setenv("SUDO_USER", name)
        assert not access.caller(str(settings)).limited


SHOP, BLOG = (read_stack(name, shop_definition() | {"owner": name}) for name in ("shop", "blog"))
OWNER, OPS = access.Caller("shop", limited=True, group="ops"), access.Caller("ann", limited=False)


def asked(*words: str, caller: access.Caller = OWNER, stacks: Sequence[Stack] = (SHOP, BLOG)) -> Any:
    return control.limit(control.read_words(words), caller, stacks).values


def test_an_owner_acts_on_what_is_theirs() -> None:
    assert asked("promote", "--reason=x") == {"reason": "x", "stack": "shop"}, "of two stacks one is theirs"
    assert asked("status") == {"stack": "shop"}
    assert asked("promote", "--stack=shop") == {"stack": "shop"}
    assert asked("cleanup", stacks=[SHOP]) == {}


@pytest.mark.parametrize("words", [["promote", "--stack=blog"], ["status", "--stack=blog"], ["cleanup"]])
def test_an_owner_does_not_act_on_the_rest(words: list[str]) -> None:
    with pytest.raises(RefusedError) as caught:
        asked(*words)
    assert "shop may not act on blog" in str(caught.value.problems[0])


def test_an_owner_of_two_of_three_has_to_say_which() -> None:
    second = read_stack("shop-two", shop_definition() | {"owner": "shop"})
    with pytest.raises(RefusedError):
        asked("recover", stacks=[SHOP, second, BLOG])
    assert asked("recover", "--stack=shop-two", stacks=[SHOP, second, BLOG]) == {"stack": "shop-two"}


def test_ops_act_on_all() -> None:
    assert asked("promote", "--stack=blog", caller=OPS) == {"stack": "blog"}
    assert asked("status", caller=OPS) == asked("cleanup", caller=OPS) == {}
