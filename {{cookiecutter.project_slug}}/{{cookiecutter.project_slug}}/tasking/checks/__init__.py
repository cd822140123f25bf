"""Django system checks that name a careless task or setting before a worker runs it: `manage.py check --tag tasking`.

`settings` and `production` look at the settings, `tasks` at what each task's decorator says, `source` at what its code
does, `names` at what its messages are called. `silence.no_check` says of one task that a check does not hold for it;
Django's SILENCED_SYSTEM_CHECKS says it of all. They run in `manage.py check`, in tests, and when a worker starts
(`worker_start`).
"""

from .silence import no_check

__all__ = ["no_check"]
