# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what in a database, as SQL that may be repeated. No password is in it, only what a server knows of one."""

from __future__ import annotations

import base64
import hashlib
import hmac

from ...releases.databases import APPS, LOGINS, OWNER, READER, Kept, Login, database_name
from .clusters import Cluster

#: PostgreSQL's own number.
ITERATIONS = 4096
NOBODY = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"

#: All that `grants` may change, as one text.
SEEN = """SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
  SELECT concat_ws('|', 'role', rolname, rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication,
                   rolbypassrls, rolpassword) AS line FROM pg_authid WHERE rolname !~ '^pg_'
  UNION ALL SELECT concat_ws('|', 'member', roleid::regrole, member::regrole) FROM pg_auth_members
  UNION ALL SELECT concat_ws('|', 'setting', setrole::regrole, setdatabase, setconfig) FROM pg_db_role_setting
  UNION ALL SELECT concat_ws('|', 'database', datname, datdba::regrole, datacl) FROM pg_database
  UNION ALL SELECT concat_ws('|', 'schema', nspname, nspowner::regrole, nspacl) FROM pg_namespace
            WHERE nspname !~ '^pg_t'
  UNION ALL SELECT concat_ws('|', 'default', defaclrole::regrole, defaclnamespace, defaclobjtype, defaclacl)
            FROM pg_default_acl
) AS seen;
"""


def verifier(login: Login) -> str:
    """What the server keeps of a password (RFC 5802), from which nobody can log in."""
    salt = bytes.fromhex(login.salt)
    salted = hashlib.pbkdf2_hmac("sha256", login.password.encode(), salt, ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${ITERATIONS}:{parts[0]}${parts[1]}:{parts[2]}"


def creation(cluster: Cluster) -> str:
    """The database and its owner, if they are not there; outside of a transaction."""
    name = database_name(cluster.database.name)
    return (
        f"SELECT 'CREATE ROLE {OWNER}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWNER}') \\gexec\n"
        f"SELECT 'CREATE DATABASE {name} OWNER {OWNER}' "
        f"WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{name}') \\gexec\n"
    )


def applied(cluster: Cluster, *, write: bool) -> str:
    """The grants in a transaction, with what is seen before and at its end; for a look it is rolled back."""
    return f"{SEEN}BEGIN;\n{grants(cluster)}{SEEN}{'COMMIT' if write else 'ROLLBACK'};\n"


def grants(cluster: Cluster) -> str:
    database, kept = database_name(cluster.database.name), cluster.kept
    names = ", ".join(f"'{name}'" for name in (OWNER, APPS, READER, *LOGINS))
    lines = [
        f"SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY[{names}]) AS name "
        "WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \\gexec",
        f"ALTER ROLE {OWNER} LOGIN {NOBODY} PASSWORD '{verifier(kept.owner)}';",
        f"ALTER ROLE {APPS} NOLOGIN {NOBODY};",
        f"ALTER ROLE {READER} LOGIN {NOBODY} PASSWORD NULL;",
        f"ALTER ROLE {READER} SET default_transaction_read_only = on;",
        f"GRANT pg_read_all_data TO {READER};",
        *_logins(kept, app_user=cluster.database.app_user),
        f"ALTER DATABASE {database} OWNER TO {OWNER};",
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC;",
        f"GRANT CONNECT ON DATABASE {database} TO {APPS}, {READER};",
        # Of before version 15 it is everybody's. An app may have removed it.
        f"SELECT 'ALTER SCHEMA public OWNER TO {OWNER}; REVOKE ALL ON SCHEMA public FROM PUBLIC; "
        f"GRANT USAGE ON SCHEMA public TO {APPS}' FROM pg_namespace WHERE nspname = 'public' \\gexec",
        # What is there already, once. What the owner takes away later stays taken away.
        *_of_before("TABLES", "SELECT, INSERT, UPDATE, DELETE"),
        *_of_before("SEQUENCES", "USAGE, SELECT, UPDATE"),
        *(
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT {what} ON {kind} TO {APPS};"
            for kind, what in (
                ("TABLES", "SELECT, INSERT, UPDATE, DELETE"),
                ("SEQUENCES", "USAGE, SELECT, UPDATE"),
                ("SCHEMAS", "USAGE"),
            )
        ),
    ]
    return "\n".join(lines) + "\n"


def _logins(kept: Kept, *, app_user: bool) -> list[str]:
    lines = []
    for name in LOGINS:
        login = kept.app if name == kept.login else kept.app_before
        may = f"LOGIN PASSWORD '{verifier(login)}'" if login else "NOLOGIN PASSWORD NULL"
        lines += [f"ALTER ROLE {name} {NOBODY} {may};", f"GRANT {APPS} TO {name};"]
        if app_user:
            lines += [_taken(name), f"ALTER ROLE {name} RESET role;"]
        else:
            # What it makes is then the owner's, whichever of the two it is.
            lines += [f"GRANT {OWNER} TO {name};", f"ALTER ROLE {name} SET role = '{OWNER}';"]
    return lines


def _taken(name: str) -> str:
    return (
        f"SELECT 'REVOKE {OWNER} FROM {name}' FROM pg_auth_members "
        f"WHERE roleid = '{OWNER}'::regrole AND member = '{name}'::regrole \\gexec"
    )


def _of_before(kind: str, what: str) -> list[str]:
    return [
        f"SELECT format('GRANT {what} ON ALL {kind} IN SCHEMA %I TO {APPS}', nspname) FROM pg_namespace "
        "WHERE nspname !~ '^(pg_|information_schema)' AND NOT EXISTS (SELECT FROM pg_default_acl) \\gexec"
    ]
