"""What a change of a catalog means to code of before."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.planning.catalogs import compare
from release.releases.catalog import Catalog, Verdict

ALL = ["DELETE", "SELECT", "INSERT", "UPDATE"]


def column(kind: str = "integer", **more: Any) -> dict[str, Any]:
    return {"type": kind, "app": "SIU", **more}


def table(**columns: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "r", "columns": columns, "rights": ALL, "of": []}


def shop() -> dict[str, Any]:
    """A catalog with one of each kind."""
    return {
        "schemas": {"public": {"usage": True}, "later": {"usage": True}},
        "relations": {
            "public.users": table(
                id=column(not_null=True, default=True),
                name=column("character varying(20)", not_null=True, default=True),
                mail=column("text"),
                born=column("date"),
            ),
            "public.orders": table(id=column(not_null=True, identity="d"), who=column()),
            "public.seen": {"kind": "v", "columns": {"id": column()}, "rights": ["SELECT"], "of": []},
            "public.sums": {"kind": "m", "columns": {"n": column()}, "rights": ["SELECT"], "of": [], "filled": True},
            "public.users_id_seq": {"kind": "S", "rights": ["USAGE"], "of": [], "least": 1, "most": 2**31 - 1},
            "public.orders_2025": table(id=column()) | {"of": ["public.orders"]},
        },
        "constraints": {
            "public.users.users_pkey": {
                "table": "public.users",
                "kind": "p",
                "definition": "PRIMARY KEY (id)",
                "columns": ["id"],
                "index": "USING btree (id)",
            },
            "public.orders.orders_who_fkey": {
                "table": "public.orders",
                "kind": "f",
                "definition": "FOREIGN KEY (who) REFERENCES users(id) ON DELETE CASCADE",
                "columns": ["who"],
            },
            "public.users.old_enough": {
                "table": "public.users",
                "kind": "c",
                "definition": "CHECK (born < '2010-01-01')",
                "columns": ["born"],
            },
        },
        "indexes": {
            "public.users_pkey": {"table": "public.users", "definition": "USING btree (id)", "columns": ["id"]},
            "public.users_mail": {
                "table": "public.users",
                "definition": "USING btree (lower(mail))",
                "columns": [None],
            },
        },
        "types": {
            "public.mood": {"labels": ["well", "ill"]},
            "public.amount": {"base": "integer", "checks": ["CHECK (VALUE > 0)"], "default": True},
        },
        "functions": {"public.add(integer)": {"kind": "f", "returns": "integer", "defaults": 1, "execute": True}},
        "triggers": {
            "public.users.touch": {
                "table": "public.users",
                "definition": "BEFORE UPDATE touch",
                "enabled": True,
                "refuses": False,
            }
        },
        "policies": {"public.users.own": {"table": "public.users", "permissive": True, "uses": "true", "roles": ["-"]}},
        "extensions": {"plpgsql": {}},
    }


def after(**changes: Any) -> Verdict:
    """The verdict on changes: a key is the way to a thing by dots of two, a value is what it becomes; None removes."""
    before, now = shop(), copy.deepcopy(shop())
    for part, things in changes.items():
        for way, value in things.items():
            place, *rest = [now[part], *way.split("/")]
            for step in rest[:-1]:
                place = place[step]
            if value is None:
                del place[rest[-1]]
            elif isinstance(value, dict) and isinstance(place.get(rest[-1]), dict) and not value.pop("_new", False):
                place[rest[-1]] = {**place[rest[-1]], **value}
            else:
                place[rest[-1]] = value
    return compare(Catalog.from_json(before), Catalog.from_json(now))


MAIL = "public.users/columns/mail"


@pytest.mark.parametrize(
    ("changes", "loss"),
    [
        ({"schemas": {"later": None}}, "schema later is gone"),
        ({"schemas": {"later": {"usage": False}}}, "apps may no longer use schema later"),
        ({"extensions": {"plpgsql": None}}, "extension plpgsql is gone"),
        ({"relations": {"public.users_id_seq": None}}, "sequence public.users_id_seq is gone"),
        ({"relations": {"public.seen": None}}, "view public.seen is gone"),
        ({"relations": {"public.sums": {"filled": False}}}, "holds nothing until it is refreshed"),
        ({"relations": {"public.orders": {"kind": "v"}}}, "table public.orders is a view now"),
        ({"relations": {"public.orders_2025": {"of": []}}}, "no longer part of public.orders"),
        ({"relations": {"public.users": {"row_security": True}}}, "row level security hides rows of public.users"),
        ({"relations": {"public.users": {"rights": ALL[1:]}}}, "apps may no longer DELETE from public.users"),
        ({"relations": {"public.users_id_seq": {"most": 32767}}}, "sequence public.users_id_seq ends earlier"),
        ({"relations": {MAIL: None}}, "column public.users.mail is gone"),
        ({"relations": {MAIL: {"type": "character varying(50)"}}}, "is character varying(50) in place of text"),
        ({"relations": {MAIL: {"collation": "C"}}}, "is text sorted by C in place of text"),
        ({"relations": {MAIL: {"not_null": True}}}, "column public.users.mail takes no NULL any more"),
        ({"relations": {MAIL: {"generated": "s"}}}, "column public.users.mail takes no value of others"),
        ({"relations": {MAIL: {"app": "SI"}}}, "apps may no longer UPDATE mail of public.users"),
        ({"relations": {"public.users/columns/id": {"default": None}}}, "public.users.id has no default any more"),
        ({"relations": {"public.orders/columns/id": {"identity": "a"}}}, "takes no value of others any more"),
        ({"relations": {"public.users/columns/new": column(not_null=True)}}, "is new, wants a value and has no"),
        ({"types": {"public.mood": {"labels": ["well"]}}}, "value 'ill' of public.mood is gone"),
        ({"types": {"public.mood": None}}, "type public.mood is gone"),
        ({"types": {"public.amount": {"checks": ["CHECK (VALUE > 1)"]}}}, "has a new check: CHECK (VALUE > 1)"),
        ({"types": {"public.amount": {"not_null": True}}}, "type public.amount takes no NULL"),
        ({"types": {"public.amount": {"base": "bigint"}}}, "is bigint in place of integer"),
        ({"types": {"public.amount": {"default": None}}}, "has no default any more"),
        ({"functions": {"public.add(integer)": None}}, "function public.add(integer) is gone"),
        ({"functions": {"public.add(integer)": {"returns": "text"}}}, "returns text in place of integer"),
        ({"functions": {"public.add(integer)": {"defaults": 0}}}, "wants more arguments"),
        ({"functions": {"public.add(integer)": {"execute": False}}}, "apps may no longer call public.add(integer)"),
        ({"triggers": {"public.users.touch": None}}, "trigger public.users.touch is gone"),
        ({"triggers": {"public.users.touch": {"enabled": False}}}, "trigger public.users.touch is disabled"),
        ({"triggers": {"public.users.touch": {"refuses": True}}}, "may refuse what was taken"),
        ({"policies": {"public.users.own": None}}, "policy public.users.own no longer lets through"),
        ({"policies": {"public.users.x": {"table": "public.users", "permissive": False}}}, "refuses more"),
        ({"constraints": {"public.orders.orders_who_fkey": None}}, "is gone, which changed rows by itself"),
        ({"indexes": {"public.users_mail": None}}, "unique index public.users_mail is gone"),
    ],
)
def test_what_disappears_or_becomes_stricter_is_a_contract_step(changes: dict[str, Any], loss: str) -> None:
    found = after(**changes)
    assert found.kind == "contract"
    assert len(found.losses) == 1 and loss in found.losses[0], found.losses


def constraint(kind: str, definition: str, *columns: str, on: str = "public.users") -> dict[str, Any]:
    return {"table": on, "kind": kind, "definition": definition, "columns": list(columns)}


@pytest.mark.parametrize(
    "new",
    [
        constraint("c", "CHECK (length(mail) > 3)", "mail"),
        constraint("f", "FOREIGN KEY (mail) REFERENCES later.mails(id)", "mail"),
        constraint("x", "EXCLUDE USING gist (born WITH =)", "born"),
        constraint("c", "CHECK (now() < '2100-01-01')"),
    ],
)
def test_a_new_constraint_on_what_is_there_refuses_rows(new: dict[str, Any]) -> None:
    found = after(constraints={"public.users.new": new})
    assert found.kind == "contract" and "public.users.new is new" in found.losses[0]


def test_a_constraint_that_is_changed_under_its_name_is_a_new_one() -> None:
    stricter = {"public.users.old_enough": {"definition": "CHECK (born < '2000-01-01')"}}
    assert after(constraints=stricter).kind == "contract"


def test_a_constraint_of_new_columns_refuses_nothing_that_leaves_them_empty() -> None:
    relations = {"public.users/columns/age": column()}
    passes = constraint("c", "CHECK (age > 0)", "age")
    minds = constraint("c", "CHECK (age IS NOT NULL)", "age")
    mixed = constraint("c", "CHECK (age > 0 OR mail <> '')", "age", "mail")
    assert after(relations=dict(relations), constraints={"public.users.a": passes}).kind == "expand"
    assert after(relations=dict(relations), constraints={"public.users.a": minds}).kind == "contract"
    assert after(relations=dict(relations), constraints={"public.users.a": mixed}).kind == "contract"


def test_a_unique_index_is_one_by_its_columns_not_its_name() -> None:
    same = {"public.users_mail": None, "public.other": dict(shop()["indexes"]["public.users_mail"])}
    assert after(indexes=same).kind == "expand"
    new = {"table": "public.users", "definition": "USING btree (born)", "columns": ["born"]}
    assert after(indexes={"public.users_born": new}).losses == (
        "unique index public.users_born is new: USING btree (born)",
    )


def test_an_upsert_may_name_a_constraint() -> None:
    renamed = {
        "public.users.users_pkey": None,
        "public.users.pk": dict(shop()["constraints"]["public.users.users_pkey"]),
    }
    [loss] = after(constraints=renamed).losses
    assert loss == "primary key public.users.users_pkey is gone, which upserts may name"


def test_a_primary_key_that_is_gone_is_told_once() -> None:
    [loss] = after(constraints={"public.users.users_pkey": None}, indexes={"public.users_pkey": None}).losses
    assert "unique index public.users_pkey is gone" in loss


def test_a_table_that_is_gone_is_told_once() -> None:
    gone = {
        "relations": {"public.users": None},
        "constraints": {"public.users.users_pkey": None, "public.users.old_enough": None},
        "indexes": {"public.users_pkey": None, "public.users_mail": None},
        "triggers": {"public.users.touch": None},
        "policies": {"public.users.own": None},
    }
    assert after(**gone).losses == ("table public.users is gone",)


@pytest.mark.parametrize(
    "changes",
    [
        {"relations": {"public.new": table(id=column(not_null=True))}},
        {"relations": {"public.users/columns/age": column()}},
        {"relations": {"public.users/columns/age": column(not_null=True, default=True)}},
        {"relations": {"public.users/columns/name": {"not_null": None}}},
        {"relations": {"public.users/columns/name": {"type": "text"}}},
        {"relations": {"public.users/columns/name": {"type": "character varying(40)"}}},
        {"relations": {"public.users/columns/id": {"type": "bigint"}}},
        {"constraints": {"public.users.old_enough": None}},
        {"types": {"public.mood": {"labels": ["fine", "well", "ill"]}}},
        {"functions": {"public.new()": {"kind": "f", "returns": "void", "defaults": 0, "execute": True}}},
        {"schemas": {"new": {"usage": False}}},
    ],
)
def test_what_only_adds_is_an_expand_step(changes: dict[str, Any]) -> None:
    assert after(**changes) == Verdict("expand")


def test_a_new_table_may_be_as_strict_as_it_likes() -> None:
    new = {
        "relations": {"public.new": table(id=column(not_null=True)) | {"row_security": True}},
        "constraints": {"public.new.c": constraint("c", "CHECK (id IS NOT NULL)", "id", on="public.new")},
        "indexes": {"public.new_id": {"table": "public.new", "definition": "USING btree (id)", "columns": ["id"]}},
        "triggers": {"public.new.t": {"table": "public.new", "definition": "x", "enabled": True, "refuses": True}},
        "policies": {"public.new.p": {"table": "public.new", "permissive": False}},
    }
    assert after(**new).kind == "expand"


NAMES = st.sampled_from([f"public.t{n}" for n in range(5)])
COLUMNS = st.dictionaries(
    st.sampled_from("abcde"),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "bigint", "text", "date"]), "app": st.sampled_from(["SIU", "S", ""])},
        optional={"not_null": st.just(True), "default": st.just(True)},
    ),
)
CATALOGS = st.dictionaries(
    NAMES,
    st.fixed_dictionaries(
        {
            "kind": st.just("r"),
            "columns": COLUMNS,
            "rights": st.lists(st.sampled_from(ALL), unique=True),
            "of": st.just([]),
        }
    ),
).map(lambda relations: Catalog(relations=relations))


@given(CATALOGS)
def test_nothing_changed_is_no_loss(one: Catalog) -> None:
    assert compare(one, one) == Verdict("expand")


@given(CATALOGS)
def test_from_nothing_all_is_new_and_to_nothing_each_table_is_lost(one: Catalog) -> None:
    assert compare(Catalog(), one) == Verdict("expand")
    assert set(compare(one, Catalog()).losses) == {f"table {name} is gone" for name in one.relations}


@given(CATALOGS, CATALOGS)
def test_what_both_have_and_only_adds_is_no_loss(one: Catalog, other: Catalog) -> None:
    """The union of two catalogs, where one decides what is in both, loses nothing of that one's tables."""
    assert compare(one, Catalog(relations={**other.relations, **one.relations})).kind == "expand"


@given(CATALOGS, CATALOGS, CATALOGS)
def test_two_steps_that_add_are_one_that_adds(one: Catalog, two: Catalog, three: Catalog) -> None:
    if compare(one, two).kind == compare(two, three).kind == "expand":
        assert compare(one, three).kind == "expand"


@given(CATALOGS, CATALOGS)
def test_there_and_back_is_a_loss_unless_nothing_was_gained(one: Catalog, two: Catalog) -> None:
    gained = any(name not in one.relations for name in two.relations)
    if gained:
        assert compare(two, one).kind == "contract"
