import os

import sqlalchemy
from fastapi import FastAPI

VERSION = 1
app = FastAPI()
engine = sqlalchemy.create_engine(os.environ["DATABASE_URL"])


@app.get("/health")
def health():
    with engine.connect() as connection:
        return {"entries": connection.execute(sqlalchemy.text("select count(*) from entries")).scalar()}


@app.get("/")
def home():
    return {"version": VERSION, "release": os.environ["RELEASE_ID"]}


@app.post("/entries")
def add(text: str):
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("insert into entries (text) values (:text)"), {"text": text})
    return health()
