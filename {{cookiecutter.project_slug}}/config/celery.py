"""The Celery app. What it is made of stands in `settings/celery.py`."""

import os
import warnings

from celery import Celery
from celery.exceptions import CDeprecationWarning, CPendingDeprecationWarning
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")
# Celery would run Django's checks and drop what they find; `tasking/checks/worker_start.py` heeds it.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

# Both are known: our own router reads the queue in a decorator, and `tasking/results.py` calls the errbacks of chords.
warnings.filterwarnings("ignore", "(?s).*The 'queue' task attribute", CDeprecationWarning)
warnings.filterwarnings("ignore", "task_allow_error_cb_on_chord_header=False", CPendingDeprecationWarning)

app = Celery("{{ cookiecutter.project_slug }}", task_cls="{{ cookiecutter.project_slug }}.tasking.task:Task")
app.config_from_object("django.conf:settings", namespace="CELERY")
# RedBeat misses settings that have the prefix of a namespace: it warns of the URL and drops the options.
app.add_defaults(lambda: settings.REDBEAT)
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="workflows")
