"""`manage.py flower`: what it refuses."""

import pytest
from django.core.management import CommandError, call_command


@pytest.mark.parametrize("login", [None, "", "flower", "flower:", ":password"])
def test_without_a_login_it_does_not_start(monkeypatch: pytest.MonkeyPatch, login: str | None) -> None:
    monkeypatch.delenv("FLOWER_BASIC_AUTH", raising=False)
    if login is not None:
        monkeypatch.setenv("FLOWER_BASIC_AUTH", login)
    with pytest.raises(CommandError, match="FLOWER_BASIC_AUTH is not set"):
        call_command("flower")
