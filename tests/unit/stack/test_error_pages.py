# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Error pages as a stack names them, and what may be one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes.stacks import shop_definition

from release.errors import RefusedError
from release.stack.error_pages import LARGEST, TITLES, default, files, trouble_with
from release.stack.model import ErrorPage, Stack
from release.stack.reader import read_stack


def stack_with(pages: Any) -> Stack:
    return read_stack("shop", {**shop_definition(), "error_pages": pages})


def test_a_path_or_one_for_each_kind() -> None:
    stack = stack_with({404: "pages/404.html", "503": {"html": "pages/503.html", "json": "pages/503.json"}})
    assert stack.error_pages == {
        "404": ErrorPage("pages/404.html"),
        "503": ErrorPage("pages/503.html", "pages/503.json"),
    }
    assert files(stack.error_pages) == {
        "404.html": "pages/404.html",
        "404.json": "",
        "503.html": "pages/503.html",
        "503.json": "pages/503.json",
    }


def test_it_is_written_as_it_is_read() -> None:
    stack = stack_with({404: "pages/404.html", "maintenance": "pages/works.html"})
    assert read_stack("shop", json.loads(json.dumps(stack.to_mapping(with_env=True)))) == stack
    assert "error_pages" not in read_stack("shop", shop_definition()).to_mapping(with_env=True)


def test_all_that_is_wrong_is_told_at_once() -> None:
    pages = {500: "a.html", 404: "../x.html", 413: {}, "503": {"html": "/x", "xml": "x"}, "502": ["a"], True: "b.html"}
    with pytest.raises(RefusedError) as refused:
        stack_with(pages)
    text = str(refused.value)
    for part in (
        "'500' is nothing that",
        "error_pages.404.html",
        "error_pages.413.html",
        "error_pages.503.html",
        "error_pages.503.xml",
        "error_pages.502",
        "'True' is nothing",
    ):
        assert part in text, text
    with pytest.raises(RefusedError, match="must be a mapping"):
        stack_with("pages")
    with pytest.raises(RefusedError, match="404 appears twice"):
        stack_with({404: "a.html", "404": "b.html"})


@pytest.mark.parametrize("name", TITLES)
def test_without_a_file_there_is_json_of_ours(name: str) -> None:
    said = json.loads(default(f"{name}.json"))
    assert said == {"status": 503 if name == "maintenance" else int(name), "error": TITLES[name]}


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("404.html", b"<p>Nothing here", ""),
        ("404.html", "<p>없음".encode(), ""),
        ("404.html", b"\xff\xfe", "is not UTF-8"),
        ("404.html", b" \n", "is empty"),
        ("404.html", b"x" * (LARGEST + 1), f"has {LARGEST + 1} bytes"),
        ("404.json", b'{"a": 1}', ""),
        ("404.json", b"<p>", "is no JSON"),
        ("404.json", b"[" * 100_000, "is no JSON"),
    ],
)
def test_what_may_be_a_page(name: str, data: bytes, said: str) -> None:
    assert trouble_with(name, data).startswith(said) and bool(said) == bool(trouble_with(name, data))
