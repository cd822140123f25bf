"""Settings, one concern a file; `local`, `test` and `production` put them together."""
