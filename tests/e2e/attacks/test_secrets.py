# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets: what leaves the host, or reaches people on it who have no business with them."""

from __future__ import annotations

import base64
import json
import urllib.parse

import pytest
from support.attacks import SECRET, Attacked

TOKEN = "ghp-of-nobody-4711"
SOURCES = {
    "a name and a token": f"https://bot:{TOKEN}@git.example/shop.git",
    "a token as the name": f"https://{TOKEN}@git.example/shop.git",
    "a token in the query": f"https://git.example/shop.git?access_token={TOKEN}",
}
#: As an app's last words have it.
FORMS = (
    SECRET,
    json.dumps(SECRET)[1:-1],
    urllib.parse.quote(SECRET, safe=""),
    base64.b64encode(SECRET.encode()).decode(),
)
#: Where others on the host may look.
EVERYWHERE = "/etc/onehost /run/onehost /var/lib/onehost /var/log"


@pytest.mark.attack("8", "`source` with {what}", "refused, and shown nowhere")
@pytest.mark.parametrize("what", SOURCES)
def test_a_token_in_the_source_is_refused(shop: Attacked, what: str) -> None:
    try:
        result = shop.provision("stack", attacks_source=SOURCES[what])
        assert result.rc != 0
        assert "source" in result.stdout
        assert TOKEN not in result.stdout
        assert TOKEN not in shop.root(f"grep -rs {TOKEN} {EVERYWHERE} /home/alice/shop/.git || true")
    finally:
        if TOKEN in shop.read("/etc/onehost/stacks/shop.json"):
            shop.provision("stack").ok()


@pytest.mark.attack("9", "an app prints its secret in four forms and ends", "no output, journal or result has it")
def test_a_secret_that_a_crashing_app_prints_does_not_get_out(shop: Attacked) -> None:
    begun = shop.root("date +%s").strip()
    commit = shop.push({"behaviour.json": json.dumps({"staging": {"leak": True}})}, branch="leak")
    result = shop.playbook("deploy_staging", version=commit)
    assert result.rc != 0 and "shop-web" in result.stdout
    said = shop.onehost("deploy", "--version", commit)
    assert said.code == 1
    found = [form for form in FORMS for text in (result.stdout, said.text) if form in text]
    for form in FORMS:
        found += shop.nobody(f"grep -rlsF -- '{form}' {EVERYWHERE} | head -3").out.split()
        found += shop.root(
            f"grep -rlsF -- '{form}' /run/onehost /var/lib/onehost/*/operations | head -3", check=False
        ).split()
        # Docker's own log of the container goes elsewhere.
        for of in ("-t onehost", "-u 'onehost*'"):
            found += shop.root(
                f"journalctl --since @{begun} --no-pager {of} | grep -F -- '{form}' || true"
            ).splitlines()
    assert not found, found
    assert "cannot connect with" in said.text, "what else it said is there"


@pytest.mark.attack("9", "anybody reads results and journals of operations", "only root reads them")
def test_results_and_journals_are_root_s(shop: Attacked) -> None:
    shop.playbook("deploy_staging")
    listed = "find /run/onehost/results /var/lib/onehost/shop/operations -type f"
    assert shop.root(listed).split(), "there are some"
    assert shop.root(f"{listed} ! -perm 600 | head -5") == ""
    assert shop.nobody("cat /run/onehost/results/* /var/lib/onehost/shop/operations/*").code != 0


@pytest.mark.attack("held", "another stack's owner, and anybody, looks for values on the host", "none is readable")
def test_values_are_where_only_their_owner_reads(shop: Attacked) -> None:
    for who in ("nobody", "oscar"):
        for secret in (SECRET, "depot-secret-value"):
            found = shop.run(
                ["bash", "-c", f"grep -rlsF -- '{secret}' {EVERYWHERE} /home /srv/attacks 2>/dev/null | head -3"],
                user=who,
            )
            assert found.out == "", f"{who}: {found.out}"
    assert "depot-secret-value" not in shop.alice(f"grep -rhsF depot-secret {EVERYWHERE} /home").out
