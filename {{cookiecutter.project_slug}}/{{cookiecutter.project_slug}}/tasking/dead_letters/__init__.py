"""What failed for good, whatever killed it, in one table: to be looked at, replayed or discarded.

`recorder` writes what a worker can still say of a failure. `collector` reads the queue `dead_letter`, where the broker
puts what no worker could finish. `replay` is what a person does about it, in the admin or by `manage.py dead_letters`.
"""
