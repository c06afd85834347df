# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles write for nginx and HAProxy, rendered here, to be tested or served by programs of any age."""

from __future__ import annotations

from typing import Any

from fakes.certificates import authority

from release.adapters import haproxy_replicas
from release.paths import routes_of
from support.rendering import NOTHING_LIVE, render

MAPS = "/var/lib/onehost/switch"
Stacks = list[dict[str, Any]]


def nginx_files(stacks: Stacks, version: str, **options: Any) -> dict[str, str]:
    """All that the edge and the status page write for nginx, by path."""

    def edge(template: str, item: Any = None) -> str:
        facts = {"packages": {"nginx": [{"version": version}]}}
        return render("edge", template, edge_stacks=stacks, item=item, ansible_facts=facts, **options)

    home = "/etc/nginx/onehost"
    files = {
        "/etc/nginx/nginx.conf": edge("nginx.conf.j2"),
        "/etc/nginx/conf.d/00-onehost.conf": edge("default_server.conf.j2"),
        f"{home}/server.conf": edge("server.conf.j2"),
        f"{home}/test-part": edge("validate_stack.j2"),
    }
    page = edge("page.html.j2", {"title": "One moment", "text": "Please come back."})
    files |= {
        f"{home}/pages/{name}.html": page for name in ("unavailable", "busy", "not-found", "too-long", "too-large")
    }
    guarded = {f"{stack['name']}-{name}" for stack in stacks for name, it in stack["environments"].items() if it["tls"]}
    for name in guarded | options.get("edge_basic_auth", {}).keys():
        files[f"{home}/own/{name}/listener.conf"] = edge("listener.conf.j2", name)
    for name, users in options.get("edge_basic_auth", {}).items():
        files |= {f"{home}/auth/{name}.conf": edge("auth.conf.j2", name), f"{home}/auth/{name}.htpasswd": users[0]}
    for stack in stacks:
        files[f"/etc/nginx/conf.d/onehost-{stack['name']}.conf"] = edge("stack_include.conf.j2", stack)
        for environment, settings in stack["environments"].items():
            name = f"{stack['name']}-{environment}"
            files[f"{routes_of(stack['name'])}/live/{environment}.conf"] = edge("routes.conf.j2", [stack, environment])
            if settings["tls"]:
                for kind in ("", ".host"):
                    files[f"{home}/tls/{name}{kind}.conf"] = edge("tls.conf.j2", [stack, environment, kind])
                made = authority().make([f"{stack['name']}.example"])
                files[f"{home}/tls/{name}.pem"] = (made.certificate + made.key).decode()
        place = f"{home}/own/{stack['name']}-staging"
        files[f"{place}/status_page.conf"] = render(
            "status_page", "location.conf.j2", item=place, status_page_stacks=stacks, **options
        )
    return files


def haproxy_files(stacks: Stacks, version: str, **options: Any) -> dict[str, str]:
    """All that the router writes for HAProxy, by path."""
    files = {
        "/etc/haproxy/haproxy.cfg": render(
            "router",
            "haproxy.cfg.j2",
            router_found=NOTHING_LIVE,
            router_stacks=stacks,
            __router_provided={"haproxy": version},
            **options,
        )
    }
    page = render("edge", "page.html.j2", item={"title": "One moment", "text": "Please come back."})
    files |= {
        f"/etc/haproxy/pages/{name}.html": page for name in ("no-release", "unavailable", "flag-off", "maintenance")
    }
    files["/etc/haproxy/pages/maintenance.json"] = '{"status": 503}\n'
    for stack in stacks:
        for environment in ("staging", "production"):
            files[f"{MAPS}/{stack['name']}-{environment}.map"] = "live none/none\n"
            for kind in ("off", "reach", "maintenance", "allowed"):
                files[f"{MAPS}/{stack['name']}-{environment}-{kind}.map"] = ""
            files[f"{MAPS}/{stack['name']}-{environment}-servers.state"] = haproxy_replicas.HEAD
    return files
