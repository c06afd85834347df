"""one that fails in the middle: there are posts that it does not allow"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"


def upgrade() -> None:
    op.add_column("posts", sa.Column("tags", sa.Text()))
    op.create_check_constraint("posts_are_tagged", "posts", "tags is not null")


def downgrade() -> None:
    op.drop_constraint("posts_are_tagged", "posts")
    op.drop_column("posts", "tags")
