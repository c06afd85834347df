# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugins that run on the control machine, through Ansible's own loader."""

from __future__ import annotations

import copy
import importlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from fakes.stacks import shop_definition
from pytest_httpserver import HTTPServer

from release.errors import RefusedError
from release.stack.reader import read_stack

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.usefixtures("collection")


def evaluate(expression: str, **variables: Any) -> Any:
    return Templar(DataLoader(), variables=variables).template(trust_as_template("{{ " + expression + " }}"))


def test_stacks_are_read_from_variables() -> None:
    found = evaluate(
        "query('onehost.release.stacks')",
        onehost_stack_the_shop=shop_definition(),
        other=trust_as_template("{{ never_looked_at }}"),
    )
    assert [stack["name"] for stack in found] == ["the-shop"]
    assert found[0]["apps"]["api"]["health_seconds"] == 5 and found[0]["apps"]["api"]["drain_seconds"] == 10
    assert evaluate("query('onehost.release.stacks', 'other')", onehost_stack_shop=shop_definition()) == []


def test_public_ports_and_those_of_one_environment_alone() -> None:
    shop, blog = shop_definition(), shop_definition()
    shop["environments"] = {
        "staging": {"ports": [4400, 80], "hosts": ["s.shop.example"]},
        "production": {"ports": [4500]},
    }
    tls = {"certificate": "/etc/ssl/a.pem", "key": "/etc/ssl/a.key"}
    blog["environments"]["staging"] = {"ports": [4600], "tls": {**tls, "port": 4643}}
    blog["environments"]["production"] = {"ports": [80], "hosts": ["blog.example"], "tls": tls}
    found = [evaluate("stack | onehost.release.without_env", stack=stack) for stack in (shop, blog)]

    def ports(words: str) -> Any:
        return evaluate(f"stacks | onehost.release.public_ports{words}", stacks=found)

    assert ports("") == [80, 443, 4400, 4500, 4600, 4643]
    assert ports("(only='staging')") == [4400, 4600, 4643], "production of another stack has port 80 too"
    assert ports("(only='production')") == [443, 4500]


def test_all_problems_of_all_stacks_are_told() -> None:
    shop, blog = shop_definition(), shop_definition()
    del shop["apps"]["api"]["health"]
    blog["environments"] = {}
    with pytest.raises(AnsibleError, match=r"3 problem\(s\)[^$]*apps.api.health: is missing") as caught:
        evaluate("query('onehost.release.stacks')", onehost_stack_shop=shop, onehost_stack_blog=blog)
    assert "stack blog.environments.staging: is missing" in str(caught.value)


def test_variables_of_renamed_roles_are_told_with_their_new_names() -> None:
    shop = shop_definition()
    del shop["apps"]["api"]["health"]
    variables = {"cleanup_free_gb": 3, "engine_group": "ops", "onehost_control": True, "cleanup_of_mine": 1}
    with pytest.raises(AnsibleError, match=r"4 problem\(s\) in the inventory") as caught:
        evaluate("query('onehost.release.stacks', env=false)", onehost_stack_shop=shop, **variables)
    text = str(caught.value)
    assert "variable cleanup_free_gb: has a new name. Fix: rename it to disk_cleanup_free_gb" in text
    assert "Fix: rename it to release_engine_group\n" in text and "Fix: rename it to onehost_control_node\n" in text
    assert "apps.api.health: is missing" in text and "cleanup_of_mine" not in text


def test_ports_of_other_roles_are_taken() -> None:
    shop = shop_definition()
    shop["environments"]["staging"]["ports"] = [2222]
    assert evaluate("query('onehost.release.stacks')", onehost_stack_shop=shop)
    ssh = trust_as_template("{{ [22, '2222', 'odd', '\u0662'] }}")
    with pytest.raises(AnsibleError, match="port 2222 belongs to SSH"):
        evaluate("query('onehost.release.stacks')", onehost_stack_shop=shop, firewall_ssh_ports=ssh)
    with pytest.raises(AnsibleError, match="port 2222 belongs to HAProxy's metrics"):
        evaluate("query('onehost.release.stacks')", onehost_stack_shop=shop, router_metrics_port=2222)


def beside(**changes: Any) -> dict[str, Any]:
    """A second stack, with an app and ports of its own."""
    app = {"context": ".", "port": 3000, "loopback_port": 26000, "health": "/", "routes": [{"path": "/"}]}
    return {
        "directory": "/srv/blog",
        "environments": {"staging": {"ports": [8300]}, "production": {"ports": [8400]}},
        "apps": {"posts": app},
        **changes,
    }


def named(terms: str, options: str = "", *, kept: Any, **stacks: Any) -> Any:
    variables = {f"onehost_stack_{name}": stack for name, stack in stacks.items()}
    return evaluate(f"query('onehost.release.stacks', {terms}, kept=kept{options})", kept=kept, **variables)


@pytest.fixture
def blog() -> dict[str, Any]:
    """As the host has it."""
    (found,) = evaluate("query('onehost.release.stacks', env=false)", onehost_stack_blog=beside())
    return dict(found)


def test_of_all_but_the_named_one_the_host_says_what_they_are(blog: dict[str, Any]) -> None:
    shop = shop_definition() | {"env": {"common": {"SECRET": "new"}}}
    never = trust_as_template("{{ never_read }}")
    stacks = {"shop": shop, "blog": beside(soak_minutes=7, env=never), "wiki": beside(apps={}), "blog_old": beside()}
    found = named("'shop'", kept=[blog, {**blog, "name": "gone"}], **stacks)
    assert [stack["name"] for stack in found] == ["blog", "shop"], "what is not on the host yet is left out"
    assert found[0] == blog and found[0]["soak_minutes"] == 0 and found[1]["env"]["common"] == {"SECRET": "new"}
    assert named("'shop'", ", problems=true", kept=[blog], **stacks) == []


@pytest.mark.parametrize(
    ("name", "what"), [("shpo", "-e stack=shpo: the inventory has no such"), ("", "-e stack=: no name is given")]
)
def test_a_stack_that_the_inventory_lacks_is_refused(blog: dict[str, Any], name: str, what: str) -> None:
    for options in ("", ", problems=true", ", env=false, keep_going=true"):
        with pytest.raises(AnsibleError, match=what) as caught:
            named(repr(name), options, kept=[], shop=shop_definition(), blog=beside())
        assert "refused, nothing was changed: " in str(caught.value)
        assert str(caught.value).endswith("Fix: choose from blog, shop")


def test_what_is_wrong_with_the_named_one_alone_is_refused(blog: dict[str, Any]) -> None:
    shop = shop_definition()
    blog["environments"]["production"]["ports"] = shop["environments"]["staging"]["ports"] = [8400]
    # The inventory would have both out of each other's way; the host has not yet.
    moved = beside()
    moved["environments"]["production"]["ports"] = [8500]
    for options in ("", ", problems=true", ", env=false, keep_going=true"):
        with pytest.raises(AnsibleError, match=r"stack shop.*8400") as caught:
            named("'shop'", options, kept=[blog], shop=shop, blog=moved)
        assert len(str(caught.value).splitlines()) == 2
    shop["environments"]["staging"]["ports"] = [8600]
    wrong = beside(env_matrix={"GREETING": {"required": True}})
    assert named("'shop'", ", problems=true", kept=[blog], shop=shop, blog=wrong) == []
    with pytest.raises(AnsibleError, match="GREETING"):
        named("'blog'", ", problems=true", kept=[blog], shop=shop, blog=wrong)


def test_what_is_made_from_the_hosts_definition_is_the_same(stack: dict[str, Any]) -> None:
    """Its names are sorted; the same files come from it, in the same order."""
    stack["apps"]["api"]["routes"] += [{**stack["apps"]["api"]["routes"][0], "path": path} for path in ("/z", "/a/b")]
    stack["environments"]["production"]["hosts"] = ["shop.example", "a.shop.example"]
    stack["apps"] = dict(reversed(stack["apps"].items()))
    here = json.loads(json.dumps(evaluate("stack | onehost.release.without_env", stack=stack), sort_keys=True))
    assert list(here["apps"]) != list(stack["apps"])
    for made in (
        "[stack] | onehost.release.router_apps({'shop-production': {'old': 90, 'aged': 1}})",
        # Its template sorts them.
        "(stack | onehost.release.edge_view('production')).routes | sort(attribute='path')",
        "(stack | onehost.release.edge_view('production')).hosts",
        "[stack] | onehost.release.public_ports",
    ):
        assert json.dumps(evaluate(made, stack=here)) == json.dumps(evaluate(made, stack=stack)), made


def test_what_an_earlier_version_let_pass_is_in_nobodys_way(blog: dict[str, Any]) -> None:
    blog["apps"]["posts"]["compose"] = {"networks": ["backend"]}
    found = named("'shop'", kept=[blog], shop=shop_definition(), blog=beside())
    assert found[0] == blog
    with pytest.raises(AnsibleError, match="compose"):
        named("'blog'", kept=[blog], shop=shop_definition(), blog=blog)


def test_each_renamed_variable_is_one_that_a_role_takes() -> None:
    renamed = importlib.import_module("ansible_collections.onehost.release.plugins.lookup.stacks").RENAMED
    known = {"onehost_control_node"}
    for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"):
        known |= yaml.safe_load(path.read_text())["argument_specs"]["main"]["options"].keys()
    assert set(renamed.values()) <= known
    # Whatever the renamed roles had at the time, which is every variable that they have now unless it is newer.
    assert len(renamed) == 37 and not known & renamed.keys()


@pytest.fixture
def stack() -> dict[str, Any]:
    (found,) = evaluate("query('onehost.release.stacks')", onehost_stack_shop=shop_definition())
    return dict(found)


def test_filters(stack: dict[str, Any]) -> None:
    public = evaluate("stack | onehost.release.without_env", stack=stack)
    assert public["env"] == {} and "db://1" not in str(public)
    text = evaluate("stack | onehost.release.compose_file", stack=stack)
    assert yaml.safe_load(text)["services"]["api-prod"]["image"] == "api:production"
    apps = evaluate("[stack] | onehost.release.router_apps({'shop-production': {'old': 90, 'api': 20}})", stack=stack)
    assert apps["shop-production"] == {"api": 60, "front": 60, "old": 90} and "old" not in apps["shop-staging"]
    ports = "[stack] | onehost.release.public_ports(kept={'shop-staging': [8101, 80], 'shop-production': [8201]})"
    assert evaluate(ports, stack=stack) == [80, 8100, 8101, 8200, 8201]
    only = "[stack] | onehost.release.public_ports(only='staging', kept={'shop-staging': [8101, 80]})"
    assert evaluate(only, stack=stack) == [8100, 8101], "port 80 is production's too"
    assert "A='1'\n" in evaluate("{'A': 1} | onehost.release.compose_env", stack=stack)


def test_a_stack_as_an_earlier_version_wrote_it(stack: dict[str, Any]) -> None:
    """It is refused today, so the host's own definition stands for it, and must not stop the others."""
    old = copy.deepcopy(stack)
    old["apps"]["front"]["compose"] = {"networks": ["backend"]}
    with pytest.raises(RefusedError):
        read_stack("shop", old)
    assert evaluate("[stack] | onehost.release.public_ports", stack=old) == [80, 8100, 8200]
    assert "front" in evaluate("[stack] | onehost.release.router_apps", stack=old)["shop-production"]


def test_an_env_value_that_cannot_be_carried() -> None:
    with pytest.raises(AnsibleError, match="the value of TOKEN") as caught:
        evaluate("{'TOKEN': value} | onehost.release.compose_env('config/.env.common')", value="secret\\")
    assert "secret" not in str(caught.value)


# Doppler, as group_vars ask it

VALUES = {"API_TOKEN": "kanarienvogel-token", "COLOUR": "red"}


def from_doppler(server: HTTPServer, cache: Path, expression: str, **variables: Any) -> Any:
    """In a process of Ansible's own, as far as the plugins can tell."""
    # Only the collection's loader makes it importable.
    importlib.import_module("ansible_collections.onehost.release.plugins.plugin_utils.doppler").fetched.clear()
    shop = shop_definition()
    shop["env"] = {
        "common": {"COLOUR": trust_as_template("{{ lookup('onehost.release.doppler', 'COLOUR', config='staging') }}")},
        "production": trust_as_template("{{ lookup('onehost.release.doppler', config='production') }}"),
    }
    variables = {
        "onehost_stack_shop": shop,
        "doppler_url": server.url_for("/"),
        "doppler_cache": str(cache),
        "doppler_tokens": {"staging": "dp.st.stg.x", "production": "dp.st.prd.x"},
        "doppler_deadline": 1,
        **variables,
    }
    return evaluate(expression, **variables)


def test_offline_is_said_and_dated(httpserver: HTTPServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = httpserver.expect_request("/v3/configs/config/secrets/download")
    answers.respond_with_json(VALUES)
    stacks, copies = "query('onehost.release.stacks')", "query('onehost.release.offline_copies')"
    (fresh,) = from_doppler(httpserver, tmp_path, stacks)
    assert fresh["env"]["production"] == VALUES and fresh["env"]["common"] == {"COLOUR": "red"}
    assert from_doppler(httpserver, tmp_path, copies) == []

    answers.respond_with_data("down", 503)
    with pytest.raises(AnsibleError, match=r"HTTP 503.*offline=true") as caught:
        from_doppler(httpserver, tmp_path, stacks)
    assert "kanarienvogel" not in str(caught.value)

    # Three hours later.
    for file in tmp_path.iterdir():
        kept = json.loads(file.read_text())
        file.write_text(json.dumps({**kept, "moment": time.time() - 3 * 3600 - 5}))
    (kept_stack,) = from_doppler(httpserver, tmp_path, stacks, offline="true")
    assert kept_stack["env"] == fresh["env"]
    assert "values of Doppler's config production are 3 hours old" in " ".join(capsys.readouterr().err.split())
    told = from_doppler(httpserver, tmp_path, copies, offline="true")
    assert [text.split()[2] for text in told] == ["production", "staging"]
    assert all("3 hours old" in text for text in told) and "kanarienvogel" not in str(told)


def test_offline_without_a_copy_is_an_error(httpserver: HTTPServer, tmp_path: Path) -> None:
    with pytest.raises(AnsibleError, match="no copy of Doppler's config"):
        from_doppler(httpserver, tmp_path, "query('onehost.release.stacks')", offline="true")


def three_stacks() -> dict[str, Any]:
    """One that is right, one that is not, and two that want the same port."""
    shop, blog, wiki, docs = shop_definition(), shop_definition(), shop_definition(), shop_definition()
    blog |= {"directory": "/srv/blog", "name": "the-blog"}
    blog["apps"] = {"posts": {"context": ".", "kind": "worker", "health": "/x"}}
    ports = {"staging": {"ports": [8300]}, "production": {"ports": [8400]}}
    wiki |= {"directory": "/srv/wiki", "keys": None, "environments": ports}
    wiki["apps"] = {"pages": {"context": ".", "kind": "worker"}}
    docs |= {"directory": "/srv/docs", "keys": None, "environments": ports}
    docs["apps"] = {"texts": {"context": ".", "kind": "worker"}}
    named = {"blog": blog, "docs": docs, "shop": shop, "wiki": wiki}
    return {f"onehost_stack_{name}": stack for name, stack in named.items()}


def test_one_bad_stack_leaves_the_others() -> None:
    variables = three_stacks()
    words = "env=false, keep_going=true"
    assert [s["name"] for s in evaluate(f"query('onehost.release.stacks', {words})", **variables)] == ["shop"]
    assert [s["name"] for s in evaluate(f"query('onehost.release.stacks', 'shop', {words})", **variables)] == ["shop"]
    told = evaluate("query('onehost.release.stacks', problems=true)", **variables)
    assert [row["name"] for row in told] == ["the-blog", "docs", "wiki"], "nobody knows which of the two is live"
    assert "a worker answers none" in told[0]["problems"][0] and told[1]["problems"] == told[2]["problems"]
    assert "is already used by stack docs" in told[1]["problems"][0]
    with pytest.raises(AnsibleError, match=r"1 problem\(s\)[^$]*apps.posts.health"):
        evaluate(f"query('onehost.release.stacks', 'the-blog', {words})", **variables)


def test_a_stack_with_wrong_values_leaves_the_others_too() -> None:
    """Be they not as the matrix says, or of a source that does not answer."""
    shop, blog, wiki = shop_definition(), shop_definition(), shop_definition()
    for number, definition in enumerate((shop, blog, wiki)):
        definition |= {"directory": f"/srv/{number}", "keys": None}
        definition["environments"] = {"staging": {"ports": [8300 + number]}, "production": {"ports": [8400 + number]}}
        definition["apps"] = {f"app-{number}": {"context": ".", "kind": "worker"}}
    blog |= {
        "secrets": [],
        "env_matrix": {"COLOUR": {"values": ["red", "blue"]}},
        "env": {"common": {"COLOUR": "green"}},
    }
    wiki["env"] = {"common": {"TOKEN": trust_as_template("{{ never_defined }}")}}
    variables = {"onehost_stack_shop": shop, "onehost_stack_blog": blog, "onehost_stack_wiki": wiki}
    told = {
        row["name"]: row["problems"] for row in evaluate("query('onehost.release.stacks', problems=true)", **variables)
    }
    assert told.keys() == {"blog", "wiki"}
    assert "COLOUR" in told["blog"][0] and "stack wiki, env: values cannot be read" in told["wiki"][0]
    assert "'never_defined' is undefined" in told["wiki"][0]
    found = evaluate("query('onehost.release.stacks', keep_going=true)", **variables)
    assert [stack["name"] for stack in found] == ["shop"]
    assert evaluate("query('onehost.release.stacks', env=false, problems=true)", **variables) == [], "not read"
    del variables["onehost_stack_shop"]
    for word in ("keep_going", "problems"):
        with pytest.raises(AnsibleError, match=r"problem\(s\)[^$]*COLOUR"):
            evaluate(f"query('onehost.release.stacks', {word}=true)", **variables)


def test_without_one_that_is_right_it_is_an_error() -> None:
    variables = three_stacks()
    del variables["onehost_stack_shop"], variables["onehost_stack_wiki"], variables["onehost_stack_docs"]
    with pytest.raises(AnsibleError, match=r"1 problem\(s\)"):
        evaluate("query('onehost.release.stacks', keep_going=true)", **variables)


def test_values_that_are_no_text_are_refused_before_any_value_is_read() -> None:
    shop = shop_definition()
    shop["env"] = {"common": {"FILE_MODE": 0o755, "TOKEN": trust_as_template("{{ never_looked_at }}")}, "staging": "x"}
    with pytest.raises(AnsibleError, match=r"1 problem\(s\)[^$]*env.common.FILE_MODE: must be text"):
        evaluate("query('onehost.release.stacks', env=false)", onehost_stack_shop=shop)
    del shop["env"]["common"]["FILE_MODE"]
    assert len(evaluate("query('onehost.release.stacks', env=false)", onehost_stack_shop=shop)) == 1
