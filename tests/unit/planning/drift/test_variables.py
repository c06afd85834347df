# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that code reads, in the ways in which people write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.planning.drift import variables


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("process.env.API_URL", ["API_URL"]),
        ("process.env['API_URL'] + process.env[\"B\"] + process.env[ `C` ]", ["API_URL", "B", "C"]),
        ("process.env?.API_URL; process.env!.B", ["API_URL", "B"]),
        ("import.meta.env.VITE_URL || import.meta.env['VITE_B']", ["VITE_URL", "VITE_B"]),
        ("const {API_URL, B: b, C = 'x', 'D': d, ...rest} = process.env", ["API_URL", "B", "C", "D"]),
        ("const {\n  API_URL, // the address, of course\n  B /* of b */,\n} = process.env;", ["API_URL", "B"]),
        ("const {A = {x: 1, y: [2, 3]}, B = f(1, 2)}: Record<string, string> = process.env", ["A", "B"]),
        ("function f({ API_URL } = process.env) {}", ["API_URL"]),
        ("const { VITE_URL } = import.meta.env", ["VITE_URL"]),
        # What is not read by name.
        ("parse(process.env); process.env[name]; process.environment.X; const e = process.env", []),
        ("import.meta.env.MODE; import.meta.env.DEV", []),
        ("// process.env.A\n * process.env.B\n/* process.env.C", []),
        ("} = process.env; {{{{ } = process.env", []),
    ],
)
def test_scripts(code: str, names: list[str]) -> None:
    found = list(variables.in_script(code.encode()))
    assert [name for _place, name in found] == names
    assert all(code[place:].startswith(("process.env", "import.meta.env")) for place, _name in found)


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("os.environ['A'], environ[\"B\"], os.environ[ 'C' ]", ["A", "B", "C"]),
        ("os.environ.get('A'), os.environ.get( \"B\", ''), os.getenv('C', 1), getenv('D')", ["A", "B", "C", "D"]),
        ("os.environ.pop('A'); os.environ.setdefault('B', '')", ["A", "B"]),
        ("os.environ[name]; os.environ.items(); os.getenv(name); dict(os.environ)", []),
        ("# os.environ['A']\n    # os.getenv('B')", []),
    ],
)
def test_python(code: str, names: list[str]) -> None:
    assert sorted(name for _place, name in variables.in_python(code.encode())) == names


def test_lines_of_values() -> None:
    text = b"A=1\nexport B='two words'\n  C=\"x\" # why\nD=\nE=one two\n#F=1\nG = 1\nH=x#y\r\nmake I=1\n"
    assert [(name, value) for _place, name, value in variables.assignments(text)] == [
        ("A", "1"),
        ("B", "two words"),
        ("C", "x"),
        ("D", ""),
        ("H", "x"),
    ]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("A=https://x", "A"),
        ('A="https://x"', "A"),
        ('{"A": "https://x"}', "A"),
        ("  A: https://x", "A"),
        ("A: 'https://x'", "A"),
        ("f(A, 'https://x')", ""),
        ("A=\nhttps://x", ""),
        ("https://x", ""),
    ],
)
def test_what_a_value_is_given_to(text: str, key: str) -> None:
    assert variables.key_before(text.encode(), text.index("https")) == key


@given(st.binary(max_size=120), st.sampled_from([b"process.env", b"import.meta.env", b"os.environ", b"getenv"]))
def test_any_bytes_get_an_answer(data: bytes, word: bytes) -> None:
    for text in (data + word + data, b"{" + data + b"} = " + word, word + b"['" + data):
        for names in (variables.in_script(text), variables.in_python(text)):
            assert all(name.isidentifier() for _place, name in names)
        list(variables.assignments(text))


def test_no_more_than_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that hold more were made to be slow."""
    monkeypatch.setattr(variables, "MOST", 10)
    found = [variables.in_script(b"process.env.A " * 20), variables.in_python(b"getenv('A') " * 20)]
    assert [len(list(names)) for names in (*found, variables.assignments(b"A=1\n" * 20))] == [10, 10, 10]
    near, far = (b"{A" + b"{}" * number + b"} = process.env" for number in (20, variables.MOST_BRACES))
    assert list(variables.in_script(near)) and not list(variables.in_script(far))
