"""The business rules: plain functions and transactions that know nothing of Celery."""
