"""Migrations tried on a copy of production: what only adds goes; what breaks older code or holds a lock does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.lab import Lab

SOURCE = Path(__file__).parents[1] / "files" / "chapters"
HOSTS = {"staging": "staging.chapters.example", "production": "chapters.example"}
FIRST = "SELECT name FROM people"


def definition() -> dict[str, Any]:
    return {
        "directory": "/home/ubuntu/chapters",
        "source": "/srv/git/chapters.git",
        "watch_seconds": 0,
        "disk_floor_gb": 1,
        "environments": {
            "staging": {"ports": [4400], "hosts": [HOSTS["staging"]]},
            "production": {"ports": [80], "hosts": [HOSTS["production"]]},
        },
        "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
        "env_matrix": {"GREETING": {"default": "hello"}},
        "databases": {"main": {"memory": "128m", "connections": 5}},
        "apps": {
            "chapters": {
                "context": ".",
                "port": 8000,
                "loopback_port": 21720,
                "health": "/",
                "health_seconds": 10,
                "routes": [{"path": "/"}],
                "database": "main",
                "migrate": {
                    "command": ["python3", "tool.py", "migrate"],
                    "revision": ["python3", "tool.py", "revision"],
                    "target": ["python3", "tool.py", "target"],
                    "lock_seconds": 1,
                },
            },
        },
    }


def stacks(_lab: Lab) -> dict[str, Any]:
    return {"chapters": definition()}
