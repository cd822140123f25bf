"""`manage.py doctor`: what is wrong with the live system, and what to do.

It disturbs nothing: no message is taken, nothing is declared that does not exist, nothing is written. What it leaves on
the broker for some seconds is the queue that every `celery inspect` has for its answers.
"""
