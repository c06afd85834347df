"""Alembic's own entry: one transaction for each migration, so that what is applied is applied as a whole."""

import logging.config

from alembic import context
from alumni.settings import database_url
from sqlalchemy import create_engine

logging.config.fileConfig(context.config.config_file_name, disable_existing_loggers=False)

engine = create_engine(database_url())
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
