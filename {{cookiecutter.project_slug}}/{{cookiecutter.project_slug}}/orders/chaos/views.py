"""The buttons of the panel."""

from http.client import HTTPException

import redis
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from ..models import Import
from . import broker, is_enabled
from .experiments import BROKER, EXPERIMENTS


@require_POST
def switch(request: HttpRequest, import_id: int, name: str) -> HttpResponse:
    """Begin an experiment, or end it if it is on, and go back to the import."""
    if not is_enabled() or name not in EXPERIMENTS:
        msg = "There is no such experiment here."
        raise Http404(msg)
    watched, experiment = get_object_or_404(Import, pk=import_id), EXPERIMENTS[name]
    try:
        if experiment.is_on():
            experiment.end()
        else:
            experiment.begin()
            if experiment is BROKER:
                broker.stop(experiment.seconds)
    except (OSError, ValueError, HTTPException, redis.RedisError) as error:
        messages.error(request, f"{experiment.label}: not done, {error}")
    return redirect(watched)
