"""one that takes a long lock: nobody reads or writes a post while all of them get their tags"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"


def upgrade() -> None:
    op.add_column("posts", sa.Column("tags", sa.Text()))
    op.execute("update posts set tags = ''")
    op.execute("select pg_sleep(1)")


def downgrade() -> None:
    op.drop_column("posts", "tags")
