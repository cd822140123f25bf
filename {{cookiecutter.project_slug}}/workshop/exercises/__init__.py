"""Careless tasks, to be mended: `make check-lesson N=5` says whether `lesson05.py` is."""
