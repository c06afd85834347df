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
from ansible.template import trust_as_template
from fakes.stacks import shop_definition
from support.rendering import NOTHING_LIVE, render, templar, trusted

from release.stack.model import OWN_PATH, Stack
from release.stack.reader import read_stack
from release.stack.replicas import MOST_REPLICAS, address

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.usefixtures("collection")


@pytest.fixture(scope="module")
def workhub(collection: None) -> Stack:
    data = yaml.safe_load((ROOT / "group_vars" / "workhub.yml").read_text())["onehost_stack_workhub"]
    values = {f"workhub_{name}": "x" for name in ("database_url", "google_client_id", "google_client_secret")}
    return read_stack("workhub", templar(**values, workhub_session_secret="x").template(trusted(data)))


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
    text = render("edge", "stack_include.conf.j2", item=plain(workhub), edge_stacks=[plain(workhub)])
    for environment in ("staging", "production"):
        assert f"include /var/lib/onehost/workhub/nginx/live/{environment}.conf;" in lines(text)


def test_every_frontend_asks_which_routes_are_closed(workhub: Stack) -> None:
    text = lines(render("router", "haproxy.cfg.j2", router_found=NOTHING_LIVE, router_stacks=[plain(workhub)]))
    for environment in ("staging", "production"):
        closed = f"map_beg(/var/lib/onehost/switch/workhub-{environment}-off.map)"
        looks = [index for index, line in enumerate(text) if line.endswith(closed)]
        assert len(looks) == 1
        assert text[looks[0] + 2].startswith("http-request return status 503"), "before any backend is chosen"


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


def with_tls(**more: Any) -> dict[str, Any]:
    data = shop_definition()
    tls = {"certificate": "/etc/ssl/shop.pem", "key": "/etc/ssl/shop.key", **more}
    data["environments"]["production"] = {"ports": [8200, 80], "tls": tls}
    return plain(read_stack("shop", data))


def tls_of(stack: dict[str, Any], kind: str = "", nginx: str = "1.26.3-3") -> list[str]:
    packages = {"packages": {"nginx": [{"version": nginx}]}}
    return lines(render("edge", "tls.conf.j2", item=[stack, "production", kind], ansible_facts=packages))


def test_tls() -> None:
    text = tls_of(with_tls(plain_ports=[8200], hsts_seconds=60))
    assert {"listen 443 ssl default_server;", "listen [::]:443 ssl default_server;", "http2 on;"} <= set(text)
    assert 'if ($onehost_moves ~ "^1 (80)$") {' in text and "return 308 https://$host$request_uri;" in text
    assert 'set $onehost_hsts "max-age=60";' in text
    assert "listen 443 ssl;" in tls_of(with_tls(), ".host"), "one server of a port is the default one"
    oldest = tls_of(with_tls(), nginx="1.18.0-6ubuntu14")
    assert {"listen 443 ssl http2 default_server;", "http2_max_field_size 32k;"} <= set(oldest)
    assert not any("http2_max" in line for line in tls_of(with_tls(), nginx="1.22.1-9"))
    elsewhere = tls_of(with_tls(port=8443))
    assert "return 308 https://$host:8443$request_uri;" in elsewhere and not any("hsts" in line for line in elsewhere)
    assert not any("return" in line for line in tls_of(with_tls(plain_ports=[8200, 80])))


def wanted_of_tls(*stacks: dict[str, Any]) -> list[str]:
    """The files of TLS that stay, as the role says it."""
    variables = trusted(yaml.safe_load((ROOT / "roles" / "edge" / "vars" / "main.yml").read_text()))
    engine = templar(**variables, edge_stacks=list(stacks))
    return sorted(engine.template(trust_as_template("{{ __edge_tls_wanted }}")))


def test_files_of_tls_that_stay() -> None:
    assert wanted_of_tls() == wanted_of_tls(plain(read_stack("shop", shop_definition()))) == []
    assert wanted_of_tls(with_tls()) == [
        f"/etc/nginx/onehost/tls/shop-production.{kind}" for kind in ("conf", "host.conf", "pem")
    ]


def test_other_host_names_lead_to_the_canonical_one() -> None:
    data = shop_definition()
    data["environments"]["production"].update(hosts=["shop.example", "www.shop.example"], canonical_host="shop.example")
    stack = plain(read_stack("shop", data))
    text = lines(render("edge", "routes.conf.j2", item=[stack, "production"], edge_stacks=[stack]))
    assert text.count("listen 8200;") == 2 and "server_name shop.example;" in text
    place = text.index("server_name www.shop.example;")
    assert "return 308 $onehost_scheme://shop.example$onehost_port$request_uri;" in text[place : place + 3]
    assert not any("308" in line for line in lines(routes_of(read_stack("shop", data), "staging")))


def test_earlier_addresses_lead_on_and_end() -> None:
    data = shop_definition()
    data["environments"]["production"].update(
        hosts=["shop.example"],
        canonical={"web": "http://shop.example"},
        redirects={"old.example": {"to": "web", "until": "2027-01-31"}, "older.example": {"to": "web"}},
        origins=["${canonical.web}"],
    )
    data["apps"]["front"]["routes"].append({"path": "/was", "until": "2027-01-31"})
    stack = plain(read_stack("shop", data))
    text = lines(render("edge", "routes.conf.j2", item=[stack, "production"], edge_stacks=[stack]))
    ended = "$onehost_ended_shop_production_1801440000"
    assert text.count(f"map $msec {ended} {{") == 1 and text.count(f"if ({ended}) {{") == 3, "two locations and a name"
    place = text.index("server_name old.example;")
    assert text[place + 2 : place + 6] == [
        f"if ({ended}) {{",
        "return 410;",
        "}",
        "return 308 http://shop.example$request_uri;",
    ]
    assert text[text.index("server_name older.example;") + 2] == "return 308 http://shop.example$request_uri;"
    assert (
        "http://shop.example $http_origin;" in text and "set $onehost_origin $onehost_origin_shop_production;" in text
    )
    others = lines(render("edge", "routes.conf.j2", item=[stack, "staging"], edge_stacks=[stack]))
    assert not any("origin" in line or "308" in line for line in others)


def test_routes_leave_tls_to_today() -> None:
    stack = with_tls()
    text = lines(render("edge", "routes.conf.j2", item=[stack, "production"], edge_stacks=[stack]))
    assert "include /etc/nginx/onehost/tls/shop-production.con[f];" in text
    assert not any("ssl" in line for line in text)


def test_unclaimed_names_on_a_port_of_tls() -> None:
    stack = with_tls()
    stack["environments"]["production"]["hosts"] = ["shop.example"]
    text = lines(render("edge", "default_server.conf.j2", edge_stacks=[stack]))
    assert {"listen 443 ssl;", "listen 80;", "listen 8200;"} <= set(text) and "listen 8100;" not in text
    assert "ssl_certificate /etc/nginx/onehost/tls/shop-production.pem;" in text


def test_proxies_in_front_may_say_how_the_client_came() -> None:
    text = lines(render("edge", "nginx.conf.j2", edge_trusted_proxies=["10.0.0.0/8"]))
    assert "10.0.0.0/8 1;" in text and '"1 https" https;' in text
    assert not any("$onehost_believed" in line for line in lines(render("edge", "nginx.conf.j2")))


def test_unclaimed_names() -> None:
    text = lines(render("edge", "default_server.conf.j2", __edge_ports_without_default=[80]))
    assert "listen 80;" in text and 'return 421 "No site has this name here.\\n";' in text
    assert not any(
        "listen" in line for line in lines(render("edge", "default_server.conf.j2", __edge_ports_without_default=[]))
    )


def test_switch_of_the_real_stack(workhub: Stack) -> None:
    text = lines(render("router", "haproxy.cfg.j2", router_found=NOTHING_LIVE, router_stacks=[plain(workhub)]))
    assert "frontend workhub-staging" in text and "frontend workhub-production" in text
    assert (
        "http-request set-var(txn.live) str(live),map(/var/lib/onehost/switch/workhub-production.map,none/none)" in text
    )
    assert "http-after-response set-header X-Release %[var(txn.live),field(2,/)]" in text
    assert "use_backend workhub-production-%[so_name]-%[var(txn.slot)] if { var(txn.reach) -m found }" in text
    for environment in ("staging", "production"):
        for app in workhub.web_apps:
            bind = f"bind unix@/run/haproxy/workhub-{environment}-{app.name}.sock name {app.name}"
            assert any(line.startswith(bind) for line in text)
            for slot in ("blue", "green"):
                place = text.index(f"backend {workhub.backend(environment, app.name, slot)}")
                part = text[place : text.index("server app 127.0.0.1", place)]
                assert "http-request set-dst-port var(txn.reach),field(1,/)" in part
                assert f"timeout server {app.timeout_seconds}s" in part
    assert any(line.startswith("http-request return status 503") and "Retry-After 10" in line for line in text)


def test_the_router_has_a_place_for_every_replica() -> None:
    definition = shop_definition()
    definition["apps"]["api"] |= {"health": "/up?quote='", "health_host": "api.example"}
    definition["environments"]["production"]["hosts"] = ["*.shop.example", "shop.example"]
    stack = plain(read_stack("shop", definition))
    text = lines(render("router", "haproxy.cfg.j2", router_found=NOTHING_LIVE, router_stacks=[stack]))
    place = text.index("backend shop-production-front-green:replicas")
    part = text[place : text.index("server any 127.0.0.1 enabled no-check backup", place)]
    wanted = [f"server app-{number} {address(number)}" for number in range(1, MOST_REPLICAS + 1)]
    assert [line for line in part if line.startswith("server ")] == wanted
    assert any(line.startswith("default-server disabled check") for line in part), "nobody has several by himself"
    look = "http-check connect port str(front/green),map(/var/lib/onehost/switch/shop-production-reach.map),field(1,/)"
    assert look in part
    send = "http-check send meth GET uri '/ready' ver HTTP/1.1 hdr Host shop.example"
    assert any(line.startswith(send) for line in part), part
    quoted = """http-check send meth GET uri '/up?quote='"'"'' ver HTTP/1.1 hdr Host api.example"""
    assert sum(line.startswith(quoted) for line in text) == 4


def test_switch_of_workers_and_of_apps_that_releases_still_have() -> None:
    data = shop_definition()
    data["apps"]["api"]["timeout_seconds"] = 30
    kept = {"shop-production": {"front": 10, "api": 600, "old": 90}}
    today = plain(read_stack("shop", data))
    found = {**NOTHING_LIVE, "apps": kept}
    text = lines(render("router", "haproxy.cfg.j2", router_stacks=[today], router_found=found))
    assert "bind unix@/run/haproxy/shop-production-old.sock name old mode 660 group www-data" in text
    assert "bind unix@/run/haproxy/shop-staging-old.sock name old mode 660 group www-data" not in text
    wanted = {"production-old": 90, "production-api": 600, "production-front": 60, "staging-api": 30}
    for app, seconds in wanted.items():
        for slot in ("blue", "green"):
            place = text.index(f"backend shop-{app}-{slot}")
            assert f"timeout server {seconds}s" in text[place : place + 3], (app, seconds)
    assert "timeout client 660s" in text
    data["apps"] = {"mail": data["apps"]["mail"]}
    workers = render(
        "router",
        "haproxy.cfg.j2",
        router_found=NOTHING_LIVE,
        router_stacks=[plain(read_stack("shop", data))],
        router_metrics_port=9101,
    )
    assert "frontend shop-" not in workers and "bind 127.0.0.1:9101" in workers
    found["apps"] = {"shop-production": {"front": 10}}
    last = render("router", "haproxy.cfg.j2", router_found=found, router_stacks=[plain(read_stack("shop", data))])
    assert "frontend shop-production" in last and "frontend shop-staging" not in last


def test_pages() -> None:
    text = render("edge", "page.html.j2", item={"title": "Nothing is live", "text": "Come back."})
    assert "<title>Nothing is live</title>" in text and "<p>Come back.</p>" in text


def test_sudoers() -> None:
    text = render("release_engine", "sudoers.j2", release_engine_users=["bob", "ann", "bob"])
    assert [line for line in lines(text) if not line.startswith("#")] == [
        "ann ALL=(root) NOPASSWD: /usr/local/bin/onehost",
        "bob ALL=(root) NOPASSWD: /usr/local/bin/onehost",
    ]


def test_recovery_at_boot() -> None:
    text = lines(render("release_engine", "onehost-boot.service.j2"))
    assert any(re.fullmatch(r"ExecStart=/usr/local/bin/onehost recover", line) for line in text)
    assert any(line.startswith("After=") and "docker.service" in line for line in text)


def test_the_maps_are_whole_before_haproxy_starts() -> None:
    """The order of systemd, not HAProxy's own unit, whose check of its configuration needs the maps already."""
    unit = lines(render("release_engine", "onehost-maps.service.j2"))
    assert "Before=haproxy.service" in unit and "ExecStart=/usr/local/bin/onehost maps" in unit
    text = lines(render("release_engine", "haproxy.conf.j2"))
    assert {"Wants=onehost-maps.service", "After=onehost-maps.service"} <= set(text)
    assert "RemainAfterExit=yes" not in unit, "or a second start of HAProxy would not run it"


def test_scripts(workhub: Stack, tmp_path: Path) -> None:
    item = {"verb": "promote", "does": "Moves what runs in staging to production."}
    script = tmp_path / "promote-production.sh"
    script.write_text(render("stack", "script.sh.j2", item=item, stack_definition=plain(workhub)))
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert 'exec sudo /usr/local/bin/onehost promote --stack workhub "$@"' in script.read_text()
    done = subprocess.run(["bash", str(script), "--help"], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("Usage: promote-production.sh") and item["does"] in done.stdout


def test_test_part() -> None:
    text = render("edge", "validate_stack.j2")
    assert text.startswith("#!/bin/sh\n") and "nginx -t -q -c" in text


def location(**variables: Any) -> list[str]:
    stacks = [{"name": "shop"}]
    return lines(
        render("status_page", "location.conf.j2", item="/x/shop-staging", status_page_stacks=stacks, **variables)
    )


def test_status_page_is_for_those_who_are_named() -> None:
    text = location()
    assert "alias /var/lib/onehost/shop/page/;" in text and f"location ^~ {OWN_PATH} {{" in text
    assert "deny all;" in text and not any(line.startswith("allow") for line in text), (
        "nobody, not even the host itself"
    )
    assert "auth_basic off;" in text, "not those who may see staging"
    named = location(status_page_networks=["192.0.2.0/24"], status_page_users=["ann:x"])
    assert [line for line in named if line.startswith(("allow", "deny", "auth", "satisfy"))] == [
        "satisfy any;",
        "allow 192.0.2.0/24;",
        "deny all;",
        'auth_basic "shop status";',
        "auth_basic_user_file /etc/nginx/onehost/own/status_page.htpasswd;",
    ]


def test_status_page_is_staging_s_alone(workhub: Stack) -> None:
    for environment in ("staging", "production"):
        assert f"include /etc/nginx/onehost/own/workhub-{environment}/*.conf;" in lines(routes_of(workhub, environment))
    written = (ROOT / "roles" / "status_page" / "vars" / "main.yml").read_text()
    assert "-staging" in written and "production" not in written


def test_status_page_units() -> None:
    service = lines(render("status_page", "onehost-page.service.j2"))
    assert any(line.startswith("ExecStart=") and line.endswith("/usr/local/bin/onehost page") for line in service)
    assert "Type=oneshot" in service
    assert "SuccessExitStatus=SIGTERM" in service, "operations restart it"
    assert "OnCalendar=minutely" in lines(render("status_page", "onehost-page.timer.j2"))


def test_control_sudoers() -> None:
    text = render("control_node", "sudoers.j2", control_node_users=["bob", "ann", "bob"], control_node_group="ops")
    assert [line for line in lines(text) if not line.startswith("#")] == [
        "ann ALL=(root) NOPASSWD: /usr/local/bin/onehost-control",
        "bob ALL=(root) NOPASSWD: /usr/local/bin/onehost-control",
        "%ops ALL=(root) NOPASSWD: /usr/local/bin/onehost-control",
    ]


def test_control_inventory() -> None:
    variables = {"notify": {"room": "ops"}, "token": "x: 'y'"}
    text = render(
        "control_node",
        "inventory.yml.j2",
        inventory_hostname="vm",
        control_node_stacks=["the-shop"],
        control_node_variables=variables,
    )
    group = yaml.safe_load(text)["onehost_hosts"]
    assert group["vars"] == variables
    assert group["hosts"]["vm"]["ansible_connection"] == "local"
    stack = group["hosts"]["vm"]["onehost_stack_the_shop"]
    assert stack == "{{ lookup('ansible.builtin.file', '/etc/onehost/stacks/the-shop.json') | from_json }}"
    assert (
        yaml.safe_load(render("control_node", "inventory.yml.j2", inventory_hostname="vm"))["onehost_hosts"]["vars"]
        == {}
    )
