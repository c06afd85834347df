"""The alumni board: posts, uploads, and subscriptions to news of them."""

import base64
import hashlib
import logging
import time
from pathlib import Path
from typing import Any

import jwt
import sentry_sdk
from cryptography.fernet import Fernet
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, JSONResponse
from slowapi import Limiter
from slowapi.errors import RateLimitExceeded
from slowapi.middleware import SlowAPIMiddleware
from sqlalchemy.exc import SQLAlchemyError

from . import VERSION, log
from .settings import read
from .store import Store

settings = read()
log.set_up(settings.release)
logger = logging.getLogger("alumni")
if settings.sentry_dsn:
    sentry_sdk.init(
        dsn=settings.sentry_dsn,
        release=settings.release,
        environment=settings.app_env,
        traces_sample_rate=settings.sentry_traces_sample_rate,
        profiles_sample_rate=settings.sentry_profiles_sample_rate,
        send_default_pii=settings.sentry_send_default_pii,
    )


def visitor(request: Request) -> str:
    """The edge says who asks."""
    return request.headers.get("x-real-ip") or (request.client.host if request.client else "unknown")


limiter = Limiter(key_func=visitor, default_limits=[settings.rate_limit_default])
app = FastAPI(title="alumni", docs_url=None, redoc_url=None, openapi_url=None)
app.state.limiter = limiter
app.add_middleware(SlowAPIMiddleware)
app.add_middleware(CORSMiddleware, allow_origins=list(settings.cors_origins), allow_methods=["GET", "POST"])
store = Store(settings.database_url)
media = Path(settings.media_root)


@app.exception_handler(RateLimitExceeded)
def too_many(request: Request, error: RateLimitExceeded) -> JSONResponse:
    logger.warning("refused by a rate limit", extra={"fields": {"path": request.url.path, "limit": str(error.detail)}})
    return JSONResponse({"error": f"too many requests: {error.detail}", "release": settings.release}, 429)


@app.exception_handler(SQLAlchemyError)
def no_database(request: Request, error: SQLAlchemyError) -> JSONResponse:
    cause = str(getattr(error, "orig", error)).splitlines()[0]
    logger.error("the database refused", extra={"fields": {"path": request.url.path, "cause": cause}})
    return JSONResponse({"error": "the database does not answer as it should", "release": settings.release}, 503)


@app.get("/healthz")
@limiter.exempt
def healthz() -> dict[str, Any]:
    return {"status": "ok", "release": settings.release, "version": VERSION, "schema": store.schema()}


@app.get("/api/posts")
def posts() -> dict[str, Any]:
    return {"posts": store.newest(), "count": store.count(), "version": VERSION, "release": settings.release}


@app.post("/api/posts")
@limiter.limit(settings.rate_limit_post_create)
async def post(request: Request) -> dict[str, Any]:
    said: Any = await request.json()
    if not isinstance(said, dict):
        raise HTTPException(422, "a post is a JSON object")
    number = await run_in_threadpool(store.post, said)
    return {"id": number, "echo": said, "release": settings.release}


@app.post("/api/login")
def login(name: str) -> dict[str, str]:
    claims = {"sub": name, "aud": f"alumni-{settings.app_env}", "exp": int(time.time()) + 3600}
    return {"token": jwt.encode(claims, settings.jwt_secret, algorithm="HS256")}


@app.get("/api/me")
def me(request: Request) -> dict[str, str]:
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    try:
        claims = jwt.decode(token, settings.jwt_secret, ["HS256"], audience=f"alumni-{settings.app_env}")
    except jwt.PyJWTError as error:
        raise HTTPException(401, str(error)) from None
    return {"name": claims["sub"]}


@app.post("/api/uploads")
async def upload(request: Request) -> dict[str, str]:
    data = await request.body()
    name = hashlib.sha256(data).hexdigest()
    (media / name).write_bytes(data)
    return {"url": f"{settings.media_url_base}/{name}"}


@app.get("/api/media/{name}")
def medium(name: str) -> Response:
    path = media / name
    if not name.isalnum() or not path.is_file():
        raise HTTPException(404)
    return FileResponse(path)


@app.get("/api/push/key")
def push_key() -> dict[str, str]:
    return {"key": settings.vapid_public_key}


@app.post("/api/push")
async def subscribe(request: Request) -> dict[str, Any]:
    data = await request.body()
    key = settings.push_key
    sealed = Fernet(base64.urlsafe_b64encode(base64.b64decode(key))).encrypt(data) if key else data
    return {"id": await run_in_threadpool(store.subscribe, sealed.decode())}
