"""Lesson 1: an object as an argument."""

TITLE = "An object as an argument, and it goes stale"
FAULT = """\
Ten customers are to be greeted. Before the worker comes to it, four of them change their e-mail address.
Where do the mails go, and which address is kept?"""
REMEMBER = "Send the id, and look when the work is done: what a message carries is as old as the message."
