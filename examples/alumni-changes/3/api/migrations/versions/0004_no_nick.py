"""contract: nobody reads the nick any more since version 3; code of before does"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"


def upgrade() -> None:
    op.drop_column("posts", "nick")


def downgrade() -> None:
    op.add_column("posts", sa.Column("nick", sa.Text(), server_default="", nullable=False))
