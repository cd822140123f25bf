"""Lesson 8: a chord whose header dies."""

TITLE = "A chord, and a part of its header dies"
FAULT = """\
Three reports of four pages each are a chord each: draw the pages, then bind them. One page takes too much memory
the first time, and the kernel kills the process that draws it. How many reports are bound?"""
REMEMBER = "A chord is as durable as the weakest task of its header: one part that is lost, and the body never runs."
