# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates, rendered by Ansible's own templar for the stack in group_vars."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from support.fakes import shop_definition

from release.stack import Stack, read_stack

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("collection")


def trusted(value: Any) -> Any:
    """What a variables file holds may be templates; ansible-core wants to be told so."""
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    return [trusted(item) for item in value] if isinstance(value, list) else value


def templar(**variables: Any) -> Templar:
    return Templar(
        DataLoader(), variables={"ansible_managed": "Ansible managed", "ansible_check_mode": False, **variables}
    )


@pytest.fixture(scope="module")
def workhub(collection: None) -> Stack:
    data = yaml.safe_load((ROOT / "group_vars" / "workhub.yml").read_text())["onehost_stack_workhub"]
    values = {f"workhub_{name}": "x" for name in ("database_url", "google_client_id", "google_client_secret")}
    return read_stack("workhub", templar(**values, workhub_session_secret="x").template(trusted(data)))


def render(role: str, template: str, **variables: Any) -> str:
    """One template of a role, with the role's defaults and vars."""
    home = ROOT / "roles" / role
    for part in ("defaults", "vars"):
        path = home / part / "main.yml"
        if path.exists():
            variables = {**trusted(yaml.safe_load(path.read_text()) or {}), **variables}
    text = (home / "templates" / template).read_text()
    engine = templar(**variables)
    return str(engine.template(trust_as_template(text))) + "\n"


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def plain(stack: Stack) -> dict[str, Any]:
    return stack.to_mapping(with_env=False)


def test_the_real_stack(workhub: Stack) -> None:
    assert set(workhub.apps) == {"wbhubmanager", "wbsaleshub", "wbfinhub", "wbonboardinghub", "hwtestagent"}
    assert workhub.environments["staging"].ports == (4400,) and workhub.environments["production"].ports == (4500, 80)
    assert [app.name for app in workhub.apps.values() if app.keys == "private"] == ["wbhubmanager"]
    assert set(workhub.secrets) <= set(workhub.env["common"]), "a secret that no env file holds is a typing mistake"


def routes_of(stack: Stack, environment: str) -> str:
    variables = {"item": [plain(stack), environment], "edge_stacks": [plain(stack)]}
    return render("edge", "routes.conf.j2", **variables)


def test_edge_of_the_real_stack(workhub: Stack) -> None:
    staging, production = routes_of(workhub, "staging"), routes_of(workhub, "production")
    assert "listen 4400 default_server;" in lines(staging) and "4500" not in staging
    assert {"listen 4500 default_server;", "listen 80 default_server;"} <= set(lines(production))
    assert "server unix:/run/haproxy/workhub-staging-wbhubmanager.sock;" in lines(staging)
    for path in ("/saleshub", "/finhub", "/onboarding", "/hwtest"):
        assert f"location = {path} {{" in lines(staging) and f"location {path}/ {{" in lines(staging)
    assert "location / {" in lines(production)
    assert staging.count("{") == staging.count("}") and production.count("{") == production.count("}")


def test_edge_part_reads_what_is_live(workhub: Stack) -> None:
    text = render("edge", "nginx_part.conf.j2", item=plain(workhub), edge_stacks=[plain(workhub)])
    for environment in ("staging", "production"):
        assert f"include /home/ubuntu/workhub/nginx/live/{environment}.conf;" in lines(text)


def test_edge_hosts_and_paths() -> None:
    data = shop_definition()
    data["environments"]["production"]["hosts"] = ["shop.example"]
    data["apps"]["front"]["routes"] = [{"path": "/a.b"}, {"path": "/", "host": "front.example"}]
    text = routes_of(read_stack("shop", data), "production")
    assert "server_name shop.example;" in lines(text) and "server_name front.example;" in lines(text)
    assert "listen 8200;" in lines(text), "a named server is not the default one"
    assert "location = /a.b {" in lines(text) and "location /a.b/ {" in lines(text)


def test_nginx_itself() -> None:
    text = lines(render("edge", "nginx.conf.j2", edge_trusted_proxies=["10.0.0.0/8"]))
    assert "set_real_ip_from 10.0.0.0/8;" in text and "server_tokens off;" in text
    assert "include /etc/nginx/conf.d/*.conf;" in text and text.count("}") == sum(line.endswith("{") for line in text)
    shared = lines(render("edge", "server.conf.j2"))
    assert "add_header X-Release $upstream_http_x_release always;" in shared
    assert "error_page 502 504 =503 /onehost/unavailable.html;" in shared
    assert "add_header Retry-After 10 always;" in shared


def test_unclaimed_names() -> None:
    text = lines(render("edge", "unclaimed.conf.j2", __edge_ports_without_default=[80]))
    assert "listen 80 default_server;" in text and 'return 421 "No site has this name here.\\n";' in text
    assert not any(
        "listen" in line for line in lines(render("edge", "unclaimed.conf.j2", __edge_ports_without_default=[]))
    )


def test_switch_of_the_real_stack(workhub: Stack) -> None:
    text = lines(render("switch", "haproxy.cfg.j2", switch_stacks=[plain(workhub)]))
    assert "frontend workhub-staging" in text and "frontend workhub-production" in text
    assert (
        "http-request set-var(txn.live) str(live),map(/var/lib/onehost/switch/workhub-production.map,none/none)" in text
    )
    assert "http-after-response set-header X-Release %[var(txn.live),field(2,/)]" in text
    assert "use_backend workhub-production-%[so_name]-%[var(txn.live),field(1,/)]" in text
    for environment in ("staging", "production"):
        for app in workhub.web_apps:
            bind = f"bind unix@/run/haproxy/workhub-{environment}-{app.name}.sock name {app.name}"
            assert any(line.startswith(bind) for line in text)
            for slot in ("blue", "green"):
                place = text.index(f"backend {workhub.backend(environment, app.name, slot)}")
                port = workhub.loopback_port(app, environment, slot)
                assert f"server app 127.0.0.1:{port}" in text[place : place + 4]
    assert any(line.startswith("http-request return status 503") and "Retry-After 10" in line for line in text)


def test_switch_of_workers_and_of_apps_that_never_run_twice() -> None:
    data = shop_definition(in_place=True)
    in_place = lines(render("switch", "haproxy.cfg.j2", switch_stacks=[plain(read_stack("shop", data))]))
    assert in_place.count("server app 127.0.0.1:21012") == 2, "both slots of it wait on the same port"
    data["apps"] = {"mail": data["apps"]["mail"]}
    workers = render(
        "switch", "haproxy.cfg.j2", switch_stacks=[plain(read_stack("shop", data))], switch_metrics_port=9101
    )
    assert "frontend shop-" not in workers and "bind 127.0.0.1:9101" in workers


@pytest.mark.parametrize("role", ["edge", "switch"])
def test_pages(role: str) -> None:
    text = render(role, "page.html.j2", item={"title": "Nothing is live", "text": "Come back."})
    assert "<title>Nothing is live</title>" in text and "<p>Come back.</p>" in text


def test_sudoers() -> None:
    text = render("engine", "sudoers.j2", engine_users=["bob", "ann", "bob"])
    assert [line for line in lines(text) if not line.startswith("#")] == [
        "ann ALL=(root) NOPASSWD: /usr/local/bin/onehost",
        "bob ALL=(root) NOPASSWD: /usr/local/bin/onehost",
    ]


def test_recovery_at_boot() -> None:
    text = lines(render("engine", "onehost-boot.service.j2"))
    assert any(re.fullmatch(r"ExecStart=/usr/local/bin/onehost recover", line) for line in text)
    assert any(line.startswith("After=") and "docker.service" in line for line in text)


def test_scripts(workhub: Stack, tmp_path: Path) -> None:
    item = {"verb": "promote", "does": "Moves what runs in staging to production."}
    script = tmp_path / "promote-production.sh"
    script.write_text(render("stack", "script.sh.j2", item=item, stack_definition=plain(workhub)))
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert 'exec sudo /usr/local/bin/onehost promote --stack workhub "$@"' in script.read_text()
    done = subprocess.run(["bash", str(script), "--help"], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("Usage: promote-production.sh") and item["does"] in done.stdout


def test_test_part() -> None:
    text = render("edge", "test-part.j2")
    assert text.startswith("#!/bin/sh\n") and "nginx -t -q -c" in text
