"""expand: a post may have a mood; code of before leaves it out"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"


def upgrade() -> None:
    op.add_column("posts", sa.Column("mood", sa.Text()))


def downgrade() -> None:
    op.drop_column("posts", "mood")
