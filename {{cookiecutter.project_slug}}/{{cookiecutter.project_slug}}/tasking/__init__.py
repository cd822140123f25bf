"""What every task gets: queues, limits, retries, safe arguments, logs. It knows nothing of the apps that use it."""
