import sqlalchemy
from alembic import op

revision, down_revision = "0001", None


def upgrade():
    op.create_table(
        "entries",
        sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True),
        sqlalchemy.Column("text", sqlalchemy.String),
    )
