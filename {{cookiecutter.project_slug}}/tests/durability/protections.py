"""What keeps tasks from being lost, each taken away by itself: the proof must notice. See `test_protections.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Protection:
    """One thing that protects, how it is taken away, and a test that then fails."""

    what: str
    #: Given the settings, changes them or the base class.
    undo: Callable[[dict[str, Any]], None]
    #: The test, as pytest names it, relative to this folder.
    noticed_by: str


PROTECTIONS: Mapping[str, Protection] = MappingProxyType({})
