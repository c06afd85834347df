"""The database that DATABASE_URL names: PostgreSQL, or a file of SQLite."""

import contextlib
import os
import sqlite3

import psycopg2

Error = (psycopg2.Error, sqlite3.Error)


class _Connection:
    def __init__(self, connection):
        self.connection = connection

    def execute(self, text, values=()):
        cursor = self.connection.cursor()
        cursor.execute(text, values)
        return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def connected():
    """A connection in one transaction."""
    address = os.environ["DATABASE_URL"]
    scheme, _, rest = address.partition("://")
    is_file = scheme == "sqlite"
    # Its driver would begin a transaction only before some statements.
    connection = (
        sqlite3.connect(rest.lstrip("/") and "/" + rest.lstrip("/"), isolation_level=None)
        if is_file
        else psycopg2.connect(address, connect_timeout=3)
    )
    try:
        if is_file:
            connection.execute("BEGIN")
        yield _Connection(connection)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.close()
