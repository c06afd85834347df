from celery.result import AsyncResult
from django.http import HttpResponse, JsonResponse
from django.urls import path

from .tasks import queue, shout

VERSION = 1


def home(request):
    return HttpResponse(f"board {VERSION} at {request.build_absolute_uri()}")


def start(request):
    return JsonResponse({"id": shout.delay(request.POST["text"]).id})


def show(request, number):
    found = AsyncResult(number, app=queue)
    return JsonResponse({"done": found.ready(), "answer": found.result if found.ready() else None})


urlpatterns = [
    path("", home),
    path("health/", lambda request: HttpResponse("ok")),
    path("jobs/", start),
    path("jobs/<str:number>/", show),
]
