"""The project's own code: `tasking` is what every task gets, each other folder is a Django app."""
