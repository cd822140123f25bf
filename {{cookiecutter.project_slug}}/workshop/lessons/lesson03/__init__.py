"""Lesson 3: retries in step."""

TITLE = "Retries without jitter, and a herd that comes back together"
FAULT = """\
Sixty tasks call a service that answers ten calls a second. The others are refused, and tried again after a wait of six
seconds at most. How many come back within one and the same second?"""
REMEMBER = "Back off, and spread: what failed together comes back together, unless chance sends it different ways."
