"""Serve. The log is ours alone, so uvicorn keeps its own to itself."""

import uvicorn

uvicorn.run("alumni.app:app", host="0.0.0.0", port=8000, log_config=None, access_log=False, timeout_graceful_shutdown=8)
