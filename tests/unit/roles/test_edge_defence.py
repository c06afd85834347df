# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the edge and the router let through: the rules that they are given.

Whether these do what they say is for tests with nginx and HAProxy themselves.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.template import trust_as_template
from fakes.stacks import shop_definition
from support.rendering import NOTHING_LIVE, render, templar, trusted

from release.stack.reader import read_stack

ROLES = Path(__file__).resolve().parents[3] / "roles"
pytestmark = pytest.mark.usefixtures("collection")


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def shop(**production: Any) -> dict[str, Any]:
    data = shop_definition()
    data["environments"]["production"].update(production)
    return read_stack("shop", data).to_mapping(with_env=False)


TLS = {"certificate": "/etc/ssl/shop.pem", "key": "/etc/ssl/shop.key"}


def first_match(text: str, variable: str, value: str) -> str:
    """What a map of nginx makes of a value: the first of its regular expressions that matches, or its default."""
    (body,) = re.findall(rf"map \S+(?: \S+)*? \${variable} {{(.*?)\n    }}", text, re.DOTALL)
    rows = re.findall(r'^\s+("(?:[^"\\]|\\.)*"|\S+)\s+(.*);$', body, re.MULTILINE)
    for key, result in rows:
        pattern = key.strip('"')
        if pattern.startswith("~"):
            fold = re.IGNORECASE if pattern.startswith("~*") else 0
            if re.search(pattern.lstrip("~*"), value, fold):
                return str(result)
        elif pattern == value and pattern != "default":
            return str(result)
    return next(result for key, result in rows if key == "default")


def test_a_websocket_is_the_only_upgrade() -> None:
    text = render("edge", "nginx.conf.j2")
    for asked, passed in (("websocket", "websocket"), ("WebSocket", "websocket"), ("h2c", '""'), ("", '""')):
        assert first_match(text, "onehost_upgrade", asked) == passed
    for asked in ("h2c, websocket", "websocket, h2c", "xwebsocket", "TLS/1.0"):
        assert first_match(text, "onehost_upgrade", asked) == '""'
    shared = lines(render("edge", "server.conf.j2"))
    assert "proxy_set_header Upgrade $onehost_upgrade;" in shared
    assert not any("$http_upgrade" in line for line in shared)
    router = lines(render("router", "haproxy.cfg.j2", router_found=NOTHING_LIVE, router_stacks=[shop()]))
    assert router.count("http-response deny deny_status 502 if { status 101 } !{ var(txn.upgrade) -m found }") == 2


@pytest.mark.parametrize(
    "uri",
    ["/a/..", "/a/../b", "/a/./b", "/a/%2e%2E/b", "/a/.%2e?x", "/a/..;x/b", "/a%2f..%2fb", "/a/..%5cb", "/..", "/."],
)
def test_no_prefix_is_removed_from_a_path_with_dot_segments(uri: str) -> None:
    assert first_match(render("edge", "nginx.conf.j2"), "onehost_plain_uri", uri) == '""'


@pytest.mark.parametrize("uri", ["/a/b%2Fc", "/a//b", "/a/..b", "/a/b..", "/a/...", "/a/.b/c", "/a?u=/../b", "/a;b"])
def test_every_other_path_passes_byte_for_byte(uri: str) -> None:
    assert first_match(render("edge", "nginx.conf.j2"), "onehost_plain_uri", uri) == "$request_uri"


def test_nothing_is_behind_a_prefix_that_is_spelled_otherwise() -> None:
    data = shop_definition()
    data["apps"]["front"]["routes"] = [{"path": "/front", "strip_path": True}]
    stack = read_stack("shop", data).to_mapping(with_env=False)
    text = lines(render("edge", "routes.conf.j2", item=[stack, "production"], edge_stacks=[stack]))
    place = text.index("location /front/ {")
    (rest,) = [line.split()[2] for line in text if line.startswith("map $onehost_plain_uri ")]
    assert text[place + 1 : place + 3] == [f'if ({rest} = "") {{', "return 404;"]


def odd_path() -> re.Pattern[str]:
    return re.compile(yaml.safe_load((ROLES / "router" / "vars" / "main.yml").read_text())["__router_odd_path"])


@pytest.mark.parametrize(
    "path",
    [
        *("//a", "/a//b", "/a/.", "/a/./b", "/..", "/a/../b", "/a;b=c", "/a\\b", "/%2e/a", "/a%2fb", "/a%5cb", "/%61"),
        *("/%7a", "/a%3bb", "/%30", "/%39", "/a%2db", "/%5f", "/%7e", "/a%00", "/%4a", "/%5a", "/a%c0%af", "/a#b"),
        "/a\xc0\xafb",
    ],
)
def test_paths_that_are_not_spelled_as_they_are_meant(path: str) -> None:
    assert odd_path().search(path)


@pytest.mark.parametrize(
    "path", ["/", "/a/b/", "/a%20b", "/%ec%a0%80", "/a.b/..c/d..", "/a%3ab%40c%2bd", "/a%25b", "/~a"]
)
def test_paths_that_are(path: str) -> None:
    assert not odd_path().search(path)


def test_an_app_with_a_closed_route_gets_none_of_them() -> None:
    text = lines(render("router", "haproxy.cfg.j2", router_found=NOTHING_LIVE, router_stacks=[shop()]))
    begin = text.index("frontend shop-production")
    part = text[begin : text.index("default_backend onehost-no-release", begin)]
    found = [line for line in part if line.startswith("http-request set-var(txn.spelling)")]
    assert len(found) == 1 and "so_name,concat(:),map_beg(/var/lib/onehost/switch/shop-production-off.map)" in found[0]
    assert "http-request deny deny_status 400 if { var(txn.spelling) -m found }" in part


def test_no_address_stands_in_for_a_password() -> None:
    text = lines(render("edge", "auth.conf.j2", item="shop-staging"))
    assert [line for line in text if line.startswith(("satisfy", "allow", "deny"))] == [
        "satisfy any;",
        "allow unix:;",
        "deny all;",
    ]
    assert "127." not in first_match(render("edge", "nginx.conf.j2"), "onehost_insecure", "http 127.0.0.1")
    for came, insecure in (("http 127.0.0.1", "1"), ("http ::1", "1"), ("http unix:", "0"), ("https 192.0.2.1", "0")):
        assert first_match(render("edge", "nginx.conf.j2"), "onehost_insecure", came) == insecure


def of_edge(expression: str, **variables: Any) -> Any:
    known = trusted(yaml.safe_load((ROLES / "edge" / "vars" / "main.yml").read_text()))
    return templar(**{"edge_basic_auth": {}, **known, **variables}).template(trust_as_template(expression))


def test_the_engine_has_a_way_in_where_visitors_are_turned_away() -> None:
    open_to_all, encrypted = shop(), shop(tls=TLS)
    assert of_edge("{{ __edge_guarded }}", edge_stacks=[open_to_all]) == []
    assert of_edge("{{ __edge_guarded }}", edge_stacks=[encrypted]) == ["shop-production"]
    assert of_edge("{{ __edge_guarded }}", edge_stacks=[open_to_all], edge_basic_auth={"shop-staging": ["ann:x"]}) == [
        "shop-staging"
    ]
    assert of_edge("{{ __edge_guarded }}", edge_stacks=[open_to_all], edge_basic_auth={"gone-staging": []}) == []
    text = lines(render("edge", "listener.conf.j2", item="shop-production", edge_stacks=[encrypted]))
    assert [line for line in text if not line.startswith("#")] == [
        f"listen unix:/run/onehost-edge/shop-production-{port}.sock;" for port in (8200, 80)
    ]
    kept = {"shop-production": [8300, 80]}
    more = render("edge", "listener.conf.j2", item="shop-production", edge_stacks=[encrypted], edge_kept_ports=kept)
    assert "listen unix:/run/onehost-edge/shop-production-8300.sock;" in more, "a release may have ports of its own"
    assert more.count("-80.sock") == 1
    packages = {"packages": {"nginx": [{"version": "1.26.3-3"}]}}
    tls = lines(render("edge", "tls.conf.j2", item=[encrypted, "production", ""], ansible_facts=packages))
    assert "listen unix:/run/onehost-edge/shop-production-443.sock ssl default_server;" in tls


def test_requests_of_the_engine_look_like_others() -> None:
    text = render("edge", "nginx.conf.j2")
    assert first_match(text, "onehost_client", "unix:") == "127.0.0.1"
    assert first_match(text, "onehost_server_port", " unix:/run/onehost-edge/the-shop-staging-4400.sock") == "$1"
    assert first_match(text, "onehost_server_port", "80 192.0.2.1") == "$server_port"


def test_nginx_starts_over_what_a_killed_one_left() -> None:
    text = lines(render("edge", "nginx_unit.conf.j2"))
    assert "RuntimeDirectory=onehost-edge" in text and "RuntimeDirectoryMode=0700" in text
    assert "ExecStartPre=/usr/bin/find /run/onehost-edge -type s -delete" in text


def upload(length: str = "", encoding: str = "", protocol: str = "HTTP/1.1", method: str = "POST") -> str:
    return first_match(render("edge", "nginx.conf.j2"), "onehost_upload", f"{length}|{encoding}|{protocol} {method}")


def test_what_counts_as_an_upload() -> None:
    assert upload("100000") == upload("99999999999") == upload("000100000") == "1"
    assert upload("99999") == upload("0") == upload("000000005") == upload(method="GET") == '""'
    assert upload(encoding="chunked") == upload(encoding="chunked", method="GET") == "1"
    assert upload(protocol="HTTP/2.0") == "1", "its length may be left out"
    assert upload(protocol="HTTP/2.0", method="GET") == upload("5", protocol="HTTP/2.0") == '""'


def test_uploads_are_limited_by_site_and_by_client() -> None:
    text = render("edge", "nginx.conf.j2")
    assert first_match(text, "onehost_upload_site", "") == first_match(text, "onehost_upload_client", "") == '""'
    assert first_match(text, "onehost_upload_site", "1") == "$server_name:$onehost_server_port"
    assert first_match(text, "onehost_upload_client", "1") == "$binary_remote_addr", "after realip"
    shared = lines(render("edge", "server.conf.j2", edge_uploads=7, edge_uploads_per_client=3))
    assert {
        "limit_conn onehost_uploads_site 7;",
        "limit_conn onehost_uploads_client 3;",
        "limit_conn_status 429;",
        "error_page 429 /onehost/busy.html;",
    } <= set(shared)


def test_requests_in_progress_are_limited_by_client_and_for_staging() -> None:
    text = lines(render("edge", "nginx.conf.j2"))
    assert "limit_conn_zone $onehost_staging$binary_remote_addr zone=onehost_requests_client:10m;" in text
    shared = lines(render("edge", "server.conf.j2", edge_requests_per_client=9, edge_staging_requests=5))
    assert {"limit_conn onehost_requests_client 9;", "limit_conn onehost_requests_staging 5;"} <= set(shared)
    of_shop = render("edge", "nginx.conf.j2", edge_stacks=[shop()])
    assert [first_match(of_shop, "onehost_staging", port) for port in ("8100", "8200", "80")] == ["1", '""', '""']


def test_a_zone_with_another_key_needs_another_name() -> None:
    """An nginx that runs refuses another key for a zone that it has, and would have to be restarted at an upgrade."""
    zones = dict(re.findall(r"limit_conn_zone (\S+)\s+zone=(\w+):", render("edge", "nginx.conf.j2")))
    assert zones == {
        "$onehost_staging$binary_remote_addr": "onehost_requests_client",
        "$onehost_staging": "onehost_requests_staging",
        "$onehost_upload_site": "onehost_uploads_site",
        "$onehost_upload_client": "onehost_uploads_client",
    }


def test_unfinished_requests_are_cut() -> None:
    text = lines(render("edge", "nginx.conf.j2"))
    wanted = {"client_header_timeout 10s;", "client_body_timeout 15s;", "reset_timedout_connection on;"}
    assert wanted <= set(text)


def test_one_limit_for_heads_in_both_programs() -> None:
    text, shared = render("edge", "nginx.conf.j2"), render("edge", "server.conf.j2")
    assert "large_client_header_buffers 2 32k;" in lines(text)
    for length, too_long in ((200, '""'), (32_768, '""'), (32_999, '""'), (33_000, "1"), (99_999, "1"), (400_000, "1")):
        assert first_match(text, "onehost_too_long", f"{length} /x") == too_long
    assert first_match(text, "onehost_too_long", "40000 /onehost/too-long.html") == '""', "or the page is refused too"
    assert {"proxy_buffer_size 40k;", "error_page 431 494 =431 /onehost/too-long.html;"} <= set(lines(shared))

    def router(**options: Any) -> list[str]:
        return lines(render("router", "haproxy.cfg.j2", router_found=NOTHING_LIVE, router_stacks=[shop()], **options))

    assert {"tune.bufsize 40960", "tune.http.maxhdr 1000"} <= set(router())
    assert "tune.bufsize 73728" in router(edge_head_kb=64), "one setting for both"
    longer = lines(render("edge", "server.conf.j2", edge_head_kb=64))
    assert {"proxy_buffer_size 72k;", "proxy_busy_buffers_size 72k;"} <= set(longer)
    smaller = render("edge", "nginx.conf.j2", edge_head_kb=8)
    assert first_match(smaller, "onehost_too_long", "8192 /x") == '""'
    assert first_match(smaller, "onehost_too_long", "9000 /x") == "1"


def test_one_setting_for_silent_websockets() -> None:
    shared = lines(render("edge", "server.conf.j2", router_tunnel_seconds=600))
    place = shared.index("location @onehost_websocket {")
    assert "proxy_read_timeout 615s;" in shared[place : place + 5]
    config = render(
        "router", "haproxy.cfg.j2", router_found=NOTHING_LIVE, router_stacks=[shop()], router_tunnel_seconds=600
    )
    assert "timeout tunnel 600s" in lines(config)
    assert "proxy_read_timeout 3615s;" in lines(render("edge", "server.conf.j2"))
    routes = lines(render("edge", "routes.conf.j2", item=[shop(), "production"], edge_stacks=[shop()]))
    apps = [number for number, line in enumerate(routes) if line.startswith("set $onehost_app ")]
    assert len(apps) == routes.count("client_max_body_size 10m;") > 0
    for place in apps:
        after = routes[place : place + 6]
        assert after[1].startswith("set $onehost_rest $") and after[-2:] == ["if ($onehost_upgrade) {", "return 418;"]


def test_names_with_underscores_by_choice() -> None:
    assert "underscores_in_headers off;" in lines(render("edge", "nginx.conf.j2"))
    assert "underscores_in_headers on;" in lines(render("edge", "nginx.conf.j2", edge_header_underscores=True))
    shared = lines(render("edge", "server.conf.j2", edge_header_underscores=True))
    own = {line.split()[1] for line in shared if line.startswith("proxy_set_header X-") and "_" not in line.split()[1]}
    own.remove("X-Onehost-Pages")  # for the router, which knows it by this name alone and passes it to no app
    assert len(own) == 6
    for name in own:
        first, second, third = name.split("-")
        for spelled in (f"{first}_{second}_{third}", f"{first}-{second}_{third}", f"{first}_{second}-{third}"):
            assert f'proxy_set_header {spelled} "";' in shared, spelled
    assert not any("_" in line.split()[1] for line in lines(render("edge", "server.conf.j2")) if "set_header" in line)


@pytest.mark.parametrize(
    ("version", "option"),
    [("2.4", "invalid-http"), ("3.0", "invalid-http"), ("3.1", "unsafe-violations-in-http"), ("", "invalid-http")],
)
def test_the_router_takes_raw_addresses(version: str, option: str) -> None:
    provided = {"haproxy": version}
    text = render(
        "router", "haproxy.cfg.j2", router_found=NOTHING_LIVE, router_stacks=[shop()], __router_provided=provided
    )
    assert f"option accept-{option}-request" in lines(text)
    # What that lets through beside them and nginx does not refuse.
    assert lines(text).count("http-request deny deny_status 400 if { url -m sub '#' }") == 2


def test_no_query_in_a_log() -> None:
    assert "error_log /var/log/nginx/error.log alert;" in lines(render("edge", "server.conf.j2"))
    routes = lines(render("edge", "routes.conf.j2", item=[shop(), "production"], edge_stacks=[shop()]))
    passed = [line for line in routes if line.startswith("proxy_pass")]
    assert routes.count("error_log /var/log/nginx/error.log emerg;") == len(passed) > 0
    (access,) = re.findall(r"log_format onehost (.*?);", render("edge", "nginx.conf.j2"), re.DOTALL)
    assert "to=$upstream_addr answered=$upstream_status" in access
    assert not any(name in access for name in ("$request ", "$request_uri", "$args", "$query_string", "$http_referer"))
    router = lines(render("router", "haproxy.cfg.j2", router_found=NOTHING_LIVE, router_stacks=[shop()]))
    (log,) = [line for line in router if line.startswith("log-format")]
    assert "%{+Q}HP" in log and not re.search(r"%(\{\+\w\})?(r|HU|HQ)\b", log)
    assert "option log-separate-errors" in router and "option dontlog-normal" in router
    assert not any(line.startswith("option httplog") for line in router), "it has the query"
