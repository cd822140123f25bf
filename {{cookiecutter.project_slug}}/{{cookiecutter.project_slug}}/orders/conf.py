"""What an operator may set for the example, in the environment or in .env."""

import environ

env = environ.Env()

#: A service that answers like api.frankfurter.dev; without it, the table bundled in `services/rates.py` is used.
RATES_URL = env.str("ORDERS_RATES_URL", default="")

#: Bytes of a file that may be uploaded.
MAX_UPLOAD = env.int("ORDERS_MAX_UPLOAD_MB", default=100) * 1024 * 1024

#: Rows of one task: enough that its message does not count, few enough that a killed worker repeats little.
ROWS_PER_CHUNK = env.int("ORDERS_ROWS_PER_CHUNK", default=2_000)

#: Who gets the summary of an import.
SUMMARY_RECIPIENTS = env.list("ORDERS_SUMMARY_RECIPIENTS", default=["orders@localhost"])
