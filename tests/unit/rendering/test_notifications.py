# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is told what, and what each service is sent."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from release.errors import RefusedError
from release.releases.events import EVENTS, Event
from release.rendering.notifications import Target, body, read_targets

SECRET = "T0K3N-of-the-channel"


def problems_of(data: Any) -> str:
    with pytest.raises(RefusedError) as caught:
        read_targets(data)
    return "\n".join(str(problem) for problem in caught.value.problems)


def test_targets_are_read() -> None:
    slack, loop = read_targets(
        [
            {"type": "slack", "url": f"https://hooks.example/{SECRET}", "events": ["failure"], "stacks": ["shop"]},
            {"type": "webhook", "url": "http://127.0.0.1:9/x", "name": "mine", "environments": ["production"]},
        ]
    )
    assert (slack.name, slack.events, slack.environments) == ("slack-1", ("failure",), ("staging", "production"))
    assert loop.name == "mine" and loop.events == EVENTS
    assert SECRET not in repr(slack)


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"type": "irc"}, "release_engine_notifications[0].type: 'irc' is not known"),
        ({"url": None}, "release_engine_notifications[0].url: is missing"),
        ({"url": f"http://hooks.example/{SECRET}"}, "release_engine_notifications[0].url: is not encrypted"),
        ({"url": f"hooks.example/{SECRET}"}, "url: is not a web address"),
        ({"url": f"https://user:{SECRET}@hooks.example/"}, "url: is not a web address"),
        ({"url": f"https://hooks.example/{SECRET} and more"}, "url: is not a web address"),
        ({"url": f"https://hooks.example:{SECRET}/"}, "url: is not a web address"),
        ({"events": ["end"]}, "events: 'end' is not known"),
        ({"environments": ["test"]}, "environments: 'test' is not known"),
        ({"name": "../x"}, "name: '../x' is not valid"),
        ({"channel": "#ops"}, "channel: is not a known option"),
    ],
)
def test_every_mistake_is_named_and_no_address(item: dict[str, Any], problem: str) -> None:
    text = problems_of([{"type": "slack", "url": f"https://hooks.example/{SECRET}", **item}])
    assert problem in text and SECRET not in text


def test_mistakes_of_the_list() -> None:
    one = {"type": "slack", "url": "https://hooks.example/", "name": "a"}
    assert "name: 'a' appears twice" in problems_of([one, one])
    assert "must be a list" in problems_of({"type": "slack"})
    assert "release_engine_notifications[0]: must be a mapping" in problems_of(["slack"])


def target(kind: str = "webhook", url: str = "https://hooks.example/", **more: Any) -> Target:
    return Target("ops", kind, url, **more)


EVENT = Event("failure", "deploy failed", "shop", "staging", "deploy", "vm", "ann", at=5.0)


def test_who_wants_what() -> None:
    assert target().wants(EVENT)
    assert not target(events=("success",)).wants(EVENT)
    assert not target(environments=("production",)).wants(EVENT)
    assert target(stacks=("shop",)).wants(EVENT) and not target(stacks=("blog",)).wants(EVENT)
    assert target(stacks=("blog",), environments=("production",)).wants(Event("disk", "full"))


def test_what_each_service_is_sent() -> None:
    event = replace(EVENT, text="because <!channel> @everyone & co")
    assert json.loads(body(target("slack"), event)) == {
        "text": "\u2718 [vm] because &lt;!channel&gt; @everyone &amp; co"
    }
    assert json.loads(body(target("discord"), event)) == {
        "content": "\u2718 [vm] because <!channel> @everyone & co",
        "allowed_mentions": {"parse": []},
    }
    told = json.loads(body(target(), event))
    assert told["event"] == "failure" and told["text"] == event.text and told["at"] == 5.0 and told["host"] == "vm"


@pytest.mark.parametrize("text", ["x" * 5000, "\U0001f600" * 1500, "한" * 2500])
def test_discord_takes_two_thousand_characters(text: str) -> None:
    content = json.loads(body(target("discord"), replace(EVENT, text=text)))["content"]
    assert 1900 < len(content.encode("utf-16-le")) // 2 <= 2000 and content.endswith("\u2026")
