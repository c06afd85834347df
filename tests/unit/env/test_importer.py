# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Env files as people write them: no key is lost, none is invented, no value is shown."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from release.env.env_file import format_env, parse_env, problem_of
from release.env.importer import matrix_as_yaml, parse, propose, values_as_yaml
from release.env.matrix import read_matrix
from release.errors import Problem
from release.util.fields import Fields

MESSY: list[tuple[bytes, dict[str, str]]] = [
    (b"A=1", {"A": "1"}),
    (b"\xef\xbb\xbfA=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
    (b"A=1\rB=2\r", {"A": "1", "B": "2"}),
    (b"export A=1\n  B = two words  \n", {"A": "1", "B": "two words"}),
    (b"A=1 # note\nB=1#2\nC=#x\nD=\n", {"A": "1", "B": "1#2", "C": "", "D": ""}),
    (b"A='a # b' # note\nB=\"c # d\"\n", {"A": "a # b", "B": "c # d"}),
    (b'A="line\\nnext \\"q\\""\n', {"A": 'line\nnext "q"'}),
    (b"A='it\\'s'\n", {"A": "it's"}),
    (
        b'A="-----BEGIN X-----\nabc=\n-----END X-----"\nB=1\n',
        {"A": "-----BEGIN X-----\nabc=\n-----END X-----", "B": "1"},
    ),
    (b"A='never closed\nB=2\n", {"A": "'never closed", "B": "2"}),
    (b"A='never closed\nB='2'\n", {"A": "'never closed", "B": "2"}),
    (b"A=1\nA=2\n", {"A": "2"}),
    (b"A: yaml\n", {"A": "yaml"}),
    (b"# A=1\nnonsense\n=x\n1A=2\nB=3\n", {"B": "3"}),
    (b"A=a=b==\n", {"A": "a=b=="}),
    (b"A=pa$$word\n", {"A": "pa$$word"}),
    (b"A=\xe9t\xe9\n", {"A": "été"}),
    ("A=Grüße\n".encode(), {"A": "Grüße"}),
    ("A=Grüße\nB=2\n".encode("utf-16"), {"A": "Grüße", "B": "2"}),
    (b"\xfe\xff" + "A=1\r\nB=2".encode("utf-16-be"), {"A": "1", "B": "2"}),
    (b"A=1\n\xef\xbb\xbfB=2\n", {"A": "1", "B": "2"}),
    (b"A:\nB: \nC: 'x'\nhttps://x\n", {"A": "", "B": "", "C": "x"}),
    (b"environment:\n  - A=1\n  - B='2'\n", {"environment": "", "A": "1", "B": "2"}),
    (b"lower_case=1\nMixedCase=2\n", {"lower_case": "1", "MixedCase": "2"}),
    (b"A=one\\\nB=2\n", {"A": "one\\", "B": "2"}),
    (b'A="one\\\nB=2"\n', {"A": "one\\\nB=2"}),
    (b"A='{\nB=2\n}'\nC=3\n", {"A": "{\nB=2\n}", "C": "3"}),
    (b'A="[x]\nb=2"\nC=3\n', {"A": "[x]\nb=2", "C": "3"}),
    (b"A='never closed\nB=''\n", {"A": "'never closed", "B": ""}),
    (b'A="never closed\nB="\n', {"A": '"never closed', "B": '"'}),
    (
        b"K=-----BEGIN RSA PRIVATE KEY-----\nMIIBabc\nMIIBdef=\n-----END RSA PRIVATE KEY-----\nB=1\n",
        {"K": "-----BEGIN RSA PRIVATE KEY-----\nMIIBabc\nMIIBdef=\n-----END RSA PRIVATE KEY-----", "B": "1"},
    ),
    (b"K=-----BEGIN X-----\nB=1\n", {"K": "-----BEGIN X-----", "B": "1"}),
    (b"", {}),
]


@pytest.mark.parametrize(("data", "expected"), MESSY)
def test_messy_files(data: bytes, expected: dict[str, str]) -> None:
    assert parse(data).values == expected


NOTED = [
    (b"A=1\nsesame-open\n", "line 2"),
    (b"A=1\nA=2\n", "A is there more than once"),
    (b"A='sesame\n", "opens a quote that never ends"),
    (b"A='x' sesame\n", "something behind its closing quote"),
    (b"A=$sesame\n", "holds a $"),
    (b"A=\xff\n", "not UTF-8"),
    (b"A='{\nB=sesame\n}'\n", "lines that look like keys"),
    (b"A=sesame\\\n", "ends with a backslash"),
    (b"A=-----BEGIN X-----\nsesame\n-----END X-----\n", "PEM block without quotes"),
]


@pytest.mark.parametrize(("data", "what"), NOTED)
def test_what_is_strange_is_said_without_a_value(data: bytes, what: str) -> None:
    notes = parse(data).notes
    assert len(notes) == 1 and what in notes[0] and "sesame" not in notes[0]


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True)
BASE64 = st.from_regex(r"[A-Za-z0-9+/]{1,30}", fullmatch=True)
PLAIN = st.from_regex(r"[A-Za-z0-9_./:@%+,-]{0,20}", fullmatch=True)


KINDS = (
    *("comment", "blank", "bare", "single", "double", "export", "spaced", "noted", "broken"),
    *("yaml", "item", "tabs", "pem", "bare pem", "several lines", "empty"),
)


@st.composite
def messy_lines(draw: st.DrawFn) -> tuple[str, str | None, str | None]:
    """One line or value of a hand-written file: its text, and the key and value in it, if any."""
    kind = draw(st.sampled_from(KINDS))
    name, value = draw(NAMES), draw(PLAIN)
    if kind in ("comment", "blank"):
        return (f"# {name}={value}" if kind == "comment" else draw(st.sampled_from(["", "   ", "\t"]))), None, None
    if kind == "broken":
        return f"{name}='{value}", name, f"'{value}"
    if kind in ("pem", "bare pem"):
        block = f"-----BEGIN X KEY-----\n{draw(BASE64)}\n{draw(BASE64)}=\n-----END X KEY-----"
        return (f"{name}={block}" if kind == "bare pem" else f'{name}="{block}"'), name, block
    if kind == "several lines":
        inside = f"{{\n  {draw(NAMES)}={value}\n}}"
        quote = draw(st.sampled_from("'\""))
        return f"{name}={quote}{inside}{quote}", name, inside
    if kind == "empty":
        return (
            draw(st.sampled_from([f"{name}=", f"{name}=''", f'{name}=""', f"{name}: ", f"{name} =  # none"])),
            name,
            "",
        )
    text = {
        "yaml": f"{name}: {value}",
        "item": f"  - {name}={value}",
        "tabs": f"\texport\t{name}\t=\t{value}\t# note",
        "bare": f"{name}={value}",
        "single": f"{name}='{value}'",
        "double": f'{name}="{value}"',
        "export": f"export {name}={value}",
        "spaced": f"  {name} = {value}  ",
        "noted": f'{name}={value} # it\'s "so"',
    }[kind]
    return text, name, value


@given(st.lists(messy_lines(), max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_no_key_is_lost_or_invented(lines: list[tuple[str, str | None, str | None]], newline: str, mark: bool) -> None:
    text = newline.join(line.replace("\n", newline) for line, _, _ in lines)
    data = (b"\xef\xbb\xbf" if mark else b"") + text.encode()
    assert parse(data).values == {name: value for _, name, value in lines if name is not None}


@given(st.binary(max_size=200))
def test_anything_can_be_read(data: bytes) -> None:
    parse(data)


CARRIED = st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=40).filter(
    lambda value: not problem_of(value)
)


@given(st.dictionaries(NAMES, CARRIED, max_size=6))
def test_our_own_files_come_back(values: dict[str, str]) -> None:
    text = format_env(values)
    assert parse_env(text) == values


CLASSES = [
    ("SESSION_SECRET", "x", "secret"),
    ("STRIPE_KEY", "sk_live_1", "secret"),
    ("WHATEVER", "-----BEGIN PRIVATE KEY-----", "secret"),
    ("DATABASE_URL", "postgresql://u:p@h/d", "secret"),
    ("JWT_PRIVATE_KEY_PATH", "/keys/x.pem", "config"),
    ("JWT_PUBLIC_KEY", "/keys/x.pem", "config"),
    ("VITE_API_URL", "https://x", "public"),
    ("NODE_ENV", "production", "config"),
    ("TOKEN_TTL", "60", "config"),
    ("PASSWORD", "x", "secret"),
    ("MONKEY", "x", "config"),
]


@pytest.mark.parametrize(("name", "value", "kind"), CLASSES)
def test_proposed_classes(name: str, value: str, kind: str) -> None:
    assert propose({"common": {name: value}})[name]["class"] == kind


def test_a_proposal_is_a_matrix() -> None:
    layers = {
        "common": {"SESSION_SECRET": "x", "URL": "https://x", "EMPTY": ""},
        "staging": {"PORT": "1", "DEBUG": "true", "ONLY": "x"},
        "production": {"PORT": "2", "DEBUG": "false"},
    }
    rows = propose(layers)
    assert rows == {
        "DEBUG": {"class": "config", "type": "boolean"},
        "EMPTY": {"class": "config", "optional": True},
        "ONLY": {"class": "config", "environments": ["staging"]},
        "PORT": {"class": "config", "type": "integer"},
        "SESSION_SECRET": {"class": "secret", "same": True},
        "URL": {"class": "config", "type": "url"},
    }


@given(st.dictionaries(st.sampled_from(["common", "staging", "production"]), st.dictionaries(NAMES, PLAIN, max_size=5)))
def test_every_key_gets_a_row_that_can_be_read(layers: dict[str, dict[str, str]]) -> None:
    rows: dict[str, Any] = propose(layers)
    problems: list[Problem] = []
    matrix = read_matrix(Fields({"env_matrix": rows}, "stack shop", problems), (), problems)
    assert problems == []
    assert set(matrix) == {name for values in layers.values() for name in values}


def test_a_proposal_is_written_as_people_write_it() -> None:
    rows = propose({"staging": {"A_TOKEN": "x", "NO": "5"}, "production": {"A_TOKEN": "y"}})
    text = matrix_as_yaml(rows)
    assert text.splitlines()[:2] == ["env_matrix:", "  A_TOKEN: {class: secret}"]
    assert yaml.safe_load(text) == {"env_matrix": rows}
    assert yaml.safe_load(matrix_as_yaml({})) == {"env_matrix": {}}


@given(st.dictionaries(st.sampled_from(["COLOUR", "on", "No", "x"]), st.text(st.characters(exclude_categories=["Cs"]))))
def test_values_come_back_as_they_were(values: dict[str, str]) -> None:
    layers = {"common": values, "staging": {}}
    assert yaml.safe_load(values_as_yaml(layers)) == {"env": layers}
    assert yaml.safe_load(values_as_yaml({})) == {"env": {}}
