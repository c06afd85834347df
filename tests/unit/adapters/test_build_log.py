# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build printed, and which step of it failed."""

from __future__ import annotations

from release.adapters.build_log import BuildLog

BUILD = """\
#0 building with "default" instance using docker driver

#1 [web internal] load build definition from Dockerfile
#1 transferring dockerfile: 213B done
#1 DONE 0.0s

#2 [web internal] load metadata for docker.io/library/node:22-bookworm-slim
#2 DONE 0.0s

#4 [web 1/5] FROM docker.io/library/node:22-bookworm-slim
#4 CACHED

#5 [web internal] load build context
#5 transferring context: 1.22kB done
#5 DONE 0.0s

#6 [web 2/5] WORKDIR /app
#6 DONE 0.1s

#7 [web 3/5] COPY package.json package-lock.json ./
#7 DONE 0.1s

#8 [web 4/5] RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev
#8 0.512 npm warn config production Use `--omit=dev` instead.
#8 1.894 npm error code E404
#8 1.896 npm error 404 Not Found - no-such-package
#8 ERROR: process "/bin/sh -c npm ci --omit=dev" did not complete successfully: exit code: 1
------
 > [web 4/5] RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev:
0.512 npm warn config production Use `--omit=dev` instead.
1.894 npm error code E404
1.896 npm error 404 Not Found - no-such-package
------
failed to solve: process "/bin/sh -c npm ci --omit=dev" did not complete successfully: exit code: 1
"""


def test_build_log_names_the_failing_step() -> None:
    log = BuildLog()
    steps = [step for line in BUILD.splitlines() if (step := log.add(line))]
    assert steps == [
        "[web 1/5] FROM docker.io/library/node:22-bookworm-slim",
        "[web 2/5] WORKDIR /app",
        "[web 3/5] COPY package.json package-lock.json ./",
        "[web 4/5] RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev",
    ]
    assert log.failed_step == steps[-1]
    assert log.tail(2) == ["npm error code E404", "npm error 404 Not Found - no-such-package"]


def test_build_log_tells_each_step_once() -> None:
    log = BuildLog()
    assert log.add("#4 [web 1/2] FROM x") == "[web 1/2] FROM x"
    assert log.add("#4 [web 1/2] FROM x") == ""


def test_build_log_without_a_step() -> None:
    log = BuildLog(kept=3)
    for line in ("#1 [internal] load build definition", "", "a", "b", "failed to read dockerfile: no such file"):
        log.add(line)
    assert log.failed_step == ""
    assert log.tail(2) == ["b", "failed to read dockerfile: no such file"]


def test_build_log_keeps_what_the_builder_says() -> None:
    """A registry that cannot be reached fails no step, and only this line says why."""
    log = BuildLog()
    log.add("#2 [internal] load metadata for docker.io/library/python:3")
    log.add("#2 ERROR: failed to do request: Head ...: dial tcp: lookup registry-1.docker.io: no such host")
    assert log.failed_step == "" and log.error.endswith("lookup registry-1.docker.io: no such host")
