"""What runs on a developer's machine only: private brokers, and the project's processes on them."""
