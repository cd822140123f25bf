"""Numbers for Prometheus: what a worker did, from itself; what waits in the system, from `manage.py metrics`.

Who can reach these ports can read the names of tasks and queues: they belong inside, see `deploy/monitoring/`.
"""
