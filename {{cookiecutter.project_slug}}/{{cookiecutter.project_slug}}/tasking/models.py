"""The tables of this app; each is defined next to what it is for."""

from .canary import Canary

__all__ = ["Canary"]
