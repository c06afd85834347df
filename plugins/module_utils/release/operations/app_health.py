# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether one app is healthy now, as the app itself and Docker say it, and why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..ports import Host
from ..releases.runtime import Answer, Container
from ..stack.model import App, EnvironmentName, Slot, Stack
from ..stack.replicas import address, unit

#: The longest that a check in a container may take, as long as Docker itself lets a HEALTHCHECK take.
COMMAND_SECONDS = 30.0
_SHELL = ("/bin/sh", "-c")
HEALTHY = Answer(200)

#: By the number of the replica.
Answers = Mapping[int, Answer]


class At(NamedTuple):
    """Which replica of an app is asked, and the port where the router reaches the app, if that is known."""

    number: int = 1
    port: int = 0


@dataclass(frozen=True)
class Seen:
    """What is known of an app in a slot: its containers, how many there are to be, its port if the router knows it."""

    containers: Sequence[Container]
    number: int = 1
    port: int = 0


def ask(
    host: Host,
    stack: Stack,
    environment: EnvironmentName,
    slot: Slot,
    app: App,
    container: Container | None,
    *,
    at: At | None = None,
) -> Answer:
    """The answer of one container of an app, unless the container is worse than that. `App.accepts` tells whether it is
    healthy. `stack` is as the release in the slot defines it."""
    at = at or At()
    if app.is_web:
        port = at.port or stack.loopback_port(app, environment, slot)
        answer = host.probe.health(port, app.health, stack.health_host(app, environment), address(at.number))
        if container is None or not app.accepts(answer.status):
            return answer
    elif container is None:
        return Answer(0, error="no container")
    elif container.state != "running":
        return Answer(0, error=container.state)
    else:
        answer = HEALTHY
    return _docker_says(host, container) or _command_says(host, app, container) or answer


def ask_all(host: Host, day: Stack, environment: EnvironmentName, slot: Slot, app: App, seen: Seen) -> Answers:
    """The answers of all containers of an app. `day` is as the release in the slot defines it."""
    there = {container.replica: container for container in seen.containers if container.app == app.name}
    return {
        number: ask(host, day, environment, slot, app, there.get(number), at=At(number, seen.port))
        for number in range(1, seen.number + 1)
    }


def worst(app: App, answers: Answers) -> Answer:
    """What is said of an app whose containers answer so: the first that is not healthy, or that all are."""
    sick = [(number, answer) for number, answer in answers.items() if not app.accepts(answer.status)]
    if not sick:
        return answers[1]
    number, answer = sick[0]
    if len(answers) == 1:
        return answer
    return Answer(0, error=f"{len(sick)} of {len(answers)} replicas not healthy, {unit(app.name, number)}: {answer}")


def _docker_says(host: Host, container: Container) -> Answer | None:
    """What Docker's own check has against it. Before Docker has asked for the first time, which it does after a whole
    interval, the same command is asked here: nobody waits half a minute for an app that is ready."""
    if container.health == "unhealthy":
        return Answer(0, error=_said("Docker says unhealthy", container.health_said))
    kind, *words = container.health_test or ("NONE",)
    if container.health != "starting" or kind not in ("CMD", "CMD-SHELL") or not words:
        return None
    return _asked(host, container, "its HEALTHCHECK", (*_SHELL, words[0]) if kind == "CMD-SHELL" else tuple(words))


def _command_says(host: Host, app: App, container: Container) -> Answer | None:
    return _asked(host, container, "its health_command", app.health_command) if app.health_command else None


def _asked(host: Host, container: Container, name: str, command: tuple[str, ...]) -> Answer | None:
    code, said = host.docker.run(container, command, COMMAND_SECONDS)
    if code == 0:
        return None
    return Answer(0, error=_said(f"{name} fails" + (f" with exit code {code}" if code > 0 else ""), said))


def _said(text: str, output: str) -> str:
    return f"{text}: {output}" if output else text


def explanation(host: Host, app: App, container: Container, answer: Answer) -> str:
    """Why an app that runs is not healthy, in words that lead to the fix; the answer alone if nothing more is known."""
    if not app.is_web or container.state != "running":
        return str(answer)
    if 300 <= answer.status < 400:
        return f"{answer}: a redirect is not healthy; let {app.health} answer 200, or declare `health_status`"
    if answer.status or not answer.error.startswith("no answer on"):
        return str(answer)
    heard = host.machine.listeners(container.pid)
    if any(place in (f"0.0.0.0:{app.port}", f"[::]:{app.port}") for place in heard):
        return str(answer)
    elsewhere = f"it listens on {', '.join(heard)}" if heard else "it listens on no port at all"
    return f"runs, but nothing listens on 0.0.0.0:{app.port}; {elsewhere}"
