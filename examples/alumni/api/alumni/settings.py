"""What the environment says, read once. Everything that is missing or wrong is told at once."""

import os
import sys
from dataclasses import dataclass

ENVIRONMENTS = ("dev", "staging", "prod")
REQUIRED = ("JWT_SECRET", "CORS_ORIGINS", "VAPID_PUBLIC_KEY", "VAPID_PRIVATE_KEY", "VAPID_SUBJECT")


def database_url() -> str:
    """A file beside the code for a developer; in earnest PostgreSQL."""
    return os.environ.get("DATABASE_URL") or "sqlite:///alumni.db"


@dataclass(frozen=True)
class Settings:
    app_env: str
    release: str
    database_url: str
    jwt_secret: str
    cors_origins: tuple[str, ...]
    rate_limit_default: str
    rate_limit_post_create: str
    vapid_public_key: str
    #: None: subscriptions are kept as they come.
    push_key: str | None
    media_root: str
    media_url_base: str
    sentry_dsn: str
    sentry_traces_sample_rate: float
    sentry_profiles_sample_rate: float
    sentry_send_default_pii: bool


def is_true(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true", "yes")


def read() -> Settings:
    env = os.environ
    app_env = env.get("APP_ENV", "dev")
    wrong = [f"APP_ENV is {app_env!r}, not one of {', '.join(ENVIRONMENTS)}"] if app_env not in ENVIRONMENTS else []
    if app_env != "dev":
        wrong += [f"{name} is missing" for name in (*REQUIRED, "DATABASE_URL") if not env.get(name)]
    if is_true("PUSH_ENCRYPT_AT_REST") and not env.get("PUSH_KEK"):
        wrong.append("PUSH_KEK is missing, and PUSH_ENCRYPT_AT_REST asks for it")
    if wrong:
        sys.exit("\n".join(wrong))
    return Settings(
        app_env=app_env,
        release=env.get("RELEASE") or env.get("RELEASE_ID", "unreleased"),
        database_url=database_url(),
        jwt_secret=env.get("JWT_SECRET", "for a developer's machine only"),
        cors_origins=tuple(filter(None, env.get("CORS_ORIGINS", "").split(","))),
        rate_limit_default=env.get("RATE_LIMIT_DEFAULT", "120/minute"),
        rate_limit_post_create=env.get("RATE_LIMIT_POST_CREATE", "5/minute"),
        vapid_public_key=env.get("VAPID_PUBLIC_KEY", ""),
        push_key=env.get("PUSH_KEK") if is_true("PUSH_ENCRYPT_AT_REST") else None,
        media_root=env.get("MEDIA_ROOT", "uploads"),
        media_url_base=env.get("MEDIA_URL_BASE", "/api/media"),
        sentry_dsn=env.get("SENTRY_DSN", ""),
        sentry_traces_sample_rate=float(env.get("SENTRY_TRACES_SAMPLE_RATE", "0.05")),
        sentry_profiles_sample_rate=float(env.get("SENTRY_PROFILES_SAMPLE_RATE", "0.0")),
        sentry_send_default_pii=is_true("SENTRY_SEND_DEFAULT_PII"),
    )
