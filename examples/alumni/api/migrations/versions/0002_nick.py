"""expand: a post may have a nick; code of before leaves it out"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    op.add_column("posts", sa.Column("nick", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("posts", "nick")
