"""Posts and subscriptions in the database, as this version knows them."""

from typing import Any

from sqlalchemy import BigInteger, Integer, Text, create_engine, func, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

_ID = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    pass


class Post(Base):
    __tablename__ = "posts"
    #: What a visitor may say of a post.
    GIVEN = ("body", "nick", "mood")
    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    body: Mapped[str] = mapped_column(Text)
    nick: Mapped[str] = mapped_column(Text, default="")
    mood: Mapped[str | None] = mapped_column(Text)

    def shown(self) -> dict[str, Any]:
        return {"id": self.id, "body": self.body, "nick": self.nick, "mood": self.mood}


class Subscription(Base):
    __tablename__ = "subscriptions"
    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    sealed: Mapped[str] = mapped_column(Text)


class Store:
    def __init__(self, url: str) -> None:
        # A connection that the server has closed meanwhile is replaced before it is used.
        self.sessions: sessionmaker[Session] = sessionmaker(create_engine(url, pool_pre_ping=True, pool_size=10))

    def post(self, said: dict[str, Any]) -> int:
        known = {name: str(said[name]) for name in Post.GIVEN if name in said}
        with self.sessions.begin() as session:
            row = Post(**{"body": str(said), **known})
            session.add(row)
            session.flush()
            return row.id

    def subscribe(self, sealed: str) -> int:
        with self.sessions.begin() as session:
            row = Subscription(sealed=sealed)
            session.add(row)
            session.flush()
            return row.id

    def newest(self, number: int = 5) -> list[dict[str, Any]]:
        with self.sessions() as session:
            found = session.scalars(select(Post).order_by(Post.id.desc()).limit(number)).all()
            return [post.shown() for post in found]

    def count(self) -> int:
        with self.sessions() as session:
            return session.scalar(select(func.count()).select_from(Post)) or 0

    def schema(self) -> str:
        """The revision that is applied. Posts are read as well: code that the schema has left behind is not healthy."""
        with self.sessions() as session:
            session.scalars(select(Post).limit(1)).all()
            return str(session.scalar(text("select version_num from alembic_version")))
