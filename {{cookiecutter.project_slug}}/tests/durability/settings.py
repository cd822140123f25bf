"""Settings for the proofs: the project as it is, the tasks that take part, and what one test changes for itself.

`CHANGES` in the environment holds such changes as JSON, by the name of a setting: a dict is merged into the one that is
there. `UNDO` names a protection of `protections.py` that is taken away, to see that a test notices.
"""

import json
import os

from config.settings.local import *  # noqa: F403

from .protections import PROTECTIONS

# Tests shorten what a broker waits for, so as not to wait as long themselves.
SILENCED_SYSTEM_CHECKS = ["tasking.E006", "tasking.E008"]
CELERY_IMPORTS = ["tests.durability.ledger"]

for _name, _value in json.loads(os.environ.get("CHANGES", "{}")).items():
    globals()[_name] = {**globals()[_name], **_value} if isinstance(_value, dict) else _value

if _protection := os.environ.get("UNDO"):
    PROTECTIONS[_protection].undo(globals())
