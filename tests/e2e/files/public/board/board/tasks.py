import os

from celery import Celery

queue = Celery("board", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])


@queue.task
def shout(text):
    return f"{text.upper()} ({os.environ['RELEASE_ENVIRONMENT']})"
