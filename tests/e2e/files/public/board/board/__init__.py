from .tasks import queue

__all__ = ["queue"]
