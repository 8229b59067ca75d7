"""Settings: everything that is missing or wrong is named at once, and nothing that might be a password is repeated."""

import pytest

from libs.runtime.settings import Settings, SettingsInvalid

GOOD = {
    "WHYSTREAM_DATABASE_URL": "postgresql://triage:hunter2@127.0.0.1:5432/whystream",
    "WHYSTREAM_NATS_URL": "nats://triage:hunter2@127.0.0.1:4222",
    "WHYSTREAM_NATS_MONITOR_URL": "http://127.0.0.1:8222/",
    "WHYSTREAM_LISTEN": "127.0.0.1:8100",
}


def test_good_settings() -> None:
    found = Settings.from_environment(GOOD)
    assert found.sqlalchemy_url == "postgresql+asyncpg://triage:hunter2@127.0.0.1:5432/whystream"
    assert (found.listen_host, found.listen_port) == ("127.0.0.1", 8100)
    assert found.nats_monitor_url == "http://127.0.0.1:8222"
    assert found.public_url == "http://127.0.0.1:8080"
    assert Settings.from_environment({**GOOD, "WHYSTREAM_LISTEN": "[::1]:80"}).listen_host == "[::1]"


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsInvalid) as refused:
        Settings.from_environment({})
    assert all(name in str(refused.value) for name in GOOD)
    assert str(refused.value).count("is missing") == 3


@pytest.mark.parametrize("name", list(GOOD))
def test_only_what_is_wrong_is_named(name: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        Settings.from_environment({**GOOD, name: "nonsense"})
    assert [one for one in GOOD if one in str(refused.value)] == [name]


@pytest.mark.parametrize("name", ["WHYSTREAM_DATABASE_URL", "WHYSTREAM_NATS_URL", "WHYSTREAM_NATS_MONITOR_URL"])
@pytest.mark.parametrize(
    "value",
    [
        "hunter2",
        "postgres://triage:hunter2@elsewhere/db",
        "tls://triage:hunter2@elsewhere:4222",
        "triage:hunter2@elsewhere",
        "://hunter2",
        "hunter2://host",
        "httpx:hunter2",
    ],
)
def test_a_wrong_address_is_not_repeated(name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid, match=name) as refused:
        Settings.from_environment({**GOOD, name: value})
    said = str(refused.value)
    assert "hunter2" not in said or value == "hunter2://host"  # what stands before :// is how one finds the mistake
    assert "elsewhere" not in said


@pytest.mark.parametrize(
    "listen", ["", "8100", ":8100", "host:", "host:x", "host:-1", "host:65536", "host:²", "host:8 "]
)
def test_a_place_to_listen_has_host_and_port(listen: str) -> None:
    with pytest.raises(SettingsInvalid, match="WHYSTREAM_LISTEN"):
        Settings.from_environment({**GOOD, "WHYSTREAM_LISTEN": listen})
