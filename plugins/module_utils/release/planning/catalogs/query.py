# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question to PostgreSQL, 13 or later, whose answer is the whole catalog of a database as JSON."""

from __future__ import annotations

from ...releases.databases import APPS

#: Names are looked for in PostgreSQL's own schema alone: with an empty path they come with theirs.
_OWN = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"


def _mine(kind: str, oid: str) -> str:
    """Not an extension's own, nor what PostgreSQL keeps for others."""
    of_extension = f"d.classid = '{kind}'::regclass AND d.objid = {oid} AND d.deptype = 'e'"
    return f"NOT EXISTS (SELECT FROM pg_depend d WHERE {of_extension})"


def _may(function: str, *words: str) -> str:
    """Whether apps may; true where nobody of that name is."""
    given = ", ".join(("(SELECT oid FROM me)", *words))
    return f"(NOT EXISTS (SELECT FROM me) OR {function}({given}))"


_COLUMNS = f"""SELECT coalesce(jsonb_object_agg(a.attname, jsonb_strip_nulls(jsonb_build_object(
  'type', format_type(a.atttypid, a.atttypmod),
  'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END,
  'not_null', nullif(a.attnotnull, false), 'default', nullif(a.atthasdef AND a.attgenerated = '', false),
  'identity', nullif(a.attidentity, ''), 'generated', nullif(a.attgenerated, ''),
  'app', concat(CASE WHEN {_may("has_column_privilege", "c.oid", "a.attnum", "'SELECT'")} THEN 'S' END,
                CASE WHEN {_may("has_column_privilege", "c.oid", "a.attnum", "'INSERT'")} THEN 'I' END,
                CASE WHEN {_may("has_column_privilege", "c.oid", "a.attnum", "'UPDATE'")} THEN 'U' END)))), '{{}}')
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')"""

_KINDS_OF = {
    "DELETE": "table",
    "TRUNCATE": "table",
    "SELECT": "any_column",
    "INSERT": "any_column",
    "UPDATE": "any_column",
}


def _right(right: str) -> str:
    kinds = "= 'S'" if right == "USAGE" else "IN ('r', 'p', 'v', 'm', 'f')"
    function = f"has_{_KINDS_OF.get(right, 'sequence')}_privilege"
    return f"CASE WHEN c.relkind {kinds} THEN CASE WHEN {_may(function, 'c.oid', repr(right))} THEN '{right}' END END"


_RIGHTS = ", ".join(map(_right, (*_KINDS_OF, "USAGE")))

_RELATIONS = f"""SELECT jsonb_object_agg(c.oid::regclass::text, jsonb_strip_nulls(jsonb_build_object(
  'kind', c.relkind, 'columns', ({_COLUMNS}),
  'rights', to_jsonb(array_remove(ARRAY[{_RIGHTS}], NULL)),
  'row_security', nullif(c.relrowsecurity, false), 'row_security_of_owner', nullif(c.relforcerowsecurity, false),
  'filled', CASE WHEN c.relkind = 'm' THEN c.relispopulated END,
  'of', to_jsonb(ARRAY(SELECT i.inhparent::regclass::text FROM pg_inherits i WHERE i.inhrelid = c.oid)),
  'least', s.seqmin, 'most', s.seqmax, 'cycles', nullif(s.seqcycle, false))))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_sequence s ON s.seqrelid = c.oid
  WHERE {_OWN} AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') AND {_mine("pg_class", "c.oid")}"""

#: The names of columns by their numbers; none for an expression.
_NAMES = """to_jsonb(ARRAY(SELECT a.attname FROM unnest({numbers}) WITH ORDINALITY AS k(number, place)
  LEFT JOIN pg_attribute a ON a.attrelid = {table} AND a.attnum = k.number AND k.number > 0 ORDER BY k.place))"""
_KEY = "substring(pg_get_indexdef(x.indexrelid) from 'USING .*$')"

_CONSTRAINTS = f"""SELECT jsonb_object_agg(concat(o.conrelid::regclass, '.', o.conname),
  jsonb_strip_nulls(jsonb_build_object('table', o.conrelid::regclass::text, 'kind', o.contype,
  'definition', regexp_replace(pg_get_constraintdef(o.oid), ' NOT VALID$', ''),
  'columns', {_NAMES.format(numbers="o.conkey", table="o.conrelid")}, 'index', {_KEY})))
  FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_index x ON x.indexrelid = o.conindid AND o.contype IN ('u', 'p')
  WHERE {_OWN} AND o.contype IN ('c', 'f', 'u', 'p', 'x') AND {_mine("pg_class", "c.oid")}"""

_INDEXES = f"""SELECT jsonb_object_agg(x.indexrelid::regclass::text, jsonb_build_object(
  'table', x.indrelid::regclass::text, 'definition', {_KEY},
  'columns', {_NAMES.format(numbers="(x.indkey::int2[])[0:x.indnkeyatts - 1]", table="x.indrelid")}))
  FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE {_OWN} AND x.indisunique AND x.indisready AND {_mine("pg_class", "c.oid")}"""

_TYPES = f"""SELECT jsonb_object_agg(t.oid::regtype::text, jsonb_strip_nulls(jsonb_build_object(
  'labels', CASE WHEN t.typtype = 'e' THEN
    (SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid) END,
  'base', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
  'not_null', nullif(t.typnotnull, false), 'default', nullif(t.typdefault IS NOT NULL, false),
  'checks', (SELECT jsonb_agg(regexp_replace(pg_get_constraintdef(o.oid), ' NOT VALID$', '') ORDER BY o.conname)
    FROM pg_constraint o WHERE o.contypid = t.oid AND o.contype = 'c'))))
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE {_OWN} AND t.typtype IN ('e', 'd') AND {_mine("pg_type", "t.oid")}"""

_FUNCTIONS = f"""SELECT jsonb_object_agg(p.oid::regprocedure::text, jsonb_build_object('kind', p.prokind,
  'returns', coalesce(pg_get_function_result(p.oid), 'nothing'), 'defaults', p.pronargdefaults,
  'execute', {_may("has_function_privilege", "p.oid", "'EXECUTE'")}))
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {_OWN} AND {_mine("pg_proc", "p.oid")}"""

#: A function that says so may refuse a row; one before a row may leave it out.
_REFUSES = (
    r"p.prosrc ~* '\yraise\s+(exception|''|sqlstate|\w+_\w+|;)' "
    r"OR (t.tgtype & 2 > 0 AND p.prosrc ~* '\yreturn\s+null')"
)

_TRIGGERS = f"""SELECT jsonb_object_agg(concat(t.tgrelid::regclass, '.', t.tgname), jsonb_build_object(
  'table', t.tgrelid::regclass::text, 'definition', pg_get_triggerdef(t.oid), 'enabled', t.tgenabled IN ('O', 'A'),
  'refuses', {_REFUSES}))
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_proc p ON p.oid = t.tgfoid WHERE {_OWN} AND NOT t.tgisinternal AND {_mine("pg_class", "c.oid")}"""

_POLICIES = f"""SELECT jsonb_object_agg(concat(o.polrelid::regclass, '.', o.polname), jsonb_build_object(
  'table', o.polrelid::regclass::text, 'permissive', o.polpermissive, 'command', o.polcmd,
  'roles', to_jsonb(o.polroles::regrole[]::text[]), 'uses', pg_get_expr(o.polqual, o.polrelid),
  'checks', pg_get_expr(o.polwithcheck, o.polrelid)))
  FROM pg_policy o JOIN pg_class c ON c.oid = o.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_OWN}"""

_SCHEMAS = f"""SELECT jsonb_object_agg(n.nspname, jsonb_build_object(
  'usage', {_may("has_schema_privilege", "n.oid", "'USAGE'")})) FROM pg_namespace n WHERE {_OWN}"""

_EXTENSIONS = "SELECT jsonb_object_agg(extname, '{}'::jsonb) FROM pg_extension"

_PARTS = {
    "schemas": _SCHEMAS,
    "relations": _RELATIONS,
    "constraints": _CONSTRAINTS,
    "indexes": _INDEXES,
    "types": _TYPES,
    "functions": _FUNCTIONS,
    "triggers": _TRIGGERS,
    "policies": _POLICIES,
    "extensions": _EXTENSIONS,
}

#: For psql, with nothing else in its answer.
CATALOG = (
    "SET search_path = '';\n"
    f"WITH me AS (SELECT oid FROM pg_roles WHERE rolname = '{APPS}')\nSELECT jsonb_build_object("
    + ",\n".join(f"'{name}', ({text})" for name, text in _PARTS.items())
    + ");\n"
)
