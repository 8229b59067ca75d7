"""docker-compose.yml says what the catalogue says: its own role and user for each service, and no password in it."""

import re
from typing import Any

import pytest
import yaml

from contracts.catalog import SERVICES
from deploy.containers.front_door import SERVICE_PORT
from deploy.containers.generate import ROOT
from deploy.containers.setup import password_variable as role_password
from deploy.nats.users import password_variable as user_password
from libs.messaging.topology import nats_permissions

TEXT = (ROOT / "docker-compose.yml").read_text()
PARTS: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
DOCKERFILE = (ROOT / "deploy/containers/Dockerfile").read_text()


def test_every_service_has_its_own_role_and_user_and_no_other_password() -> None:
    for service in SERVICES:
        environment = PARTS[service]["environment"]
        assert environment["WHYSTREAM_DATABASE_URL"].startswith(f"postgresql://{service}:${{{role_password(service)}:?")
        assert environment["WHYSTREAM_NATS_URL"].startswith(f"nats://{service}:${{{user_password(service)}:?")
        assert _passwords(str(environment)) == {role_password(service), user_password(service)}


def test_every_nats_user_has_a_password() -> None:
    assert set(PARTS["nats"]["environment"]) == {user_password(user) for user in nats_permissions()}


def test_setup_gives_every_role_its_password() -> None:
    assert {role_password(service) for service in SERVICES} <= set(PARTS["setup"]["environment"])


def test_no_password_is_written_down_and_a_missing_one_says_what_to_run() -> None:
    assert set(re.findall(r"\$\{(\w+_PASSWORD)[^}]*\}", TEXT)) == _passwords(TEXT)
    assert not re.findall(r"_PASSWORD: (?!\$\{)|://\w+:(?!\$\{)[^@\s]+@", TEXT)


def test_only_the_front_door_is_reached_from_outside_and_only_from_this_machine() -> None:
    published = {name: part["ports"] for name, part in PARTS.items() if "ports" in part}
    assert published == {"front": ["127.0.0.1:${WHYSTREAM_PORT:-8080}:8080"]}


@pytest.mark.parametrize("name", ["front", "setup", *SERVICES])
def test_what_is_ours_is_built_from_its_target_and_may_do_little(name: str) -> None:
    part = PARTS[name]
    assert part["build"]["target"] == name
    assert re.search(rf"^FROM \w+ AS {name}$", DOCKERFILE, re.MULTILINE)
    assert (part["read_only"], part["cap_drop"]) == (True, ["ALL"])
    assert part["security_opt"] == ["no-new-privileges:true"]


def test_services_listen_where_the_front_door_and_the_health_check_look() -> None:
    assert f"WHYSTREAM_LISTEN=0.0.0.0:{SERVICE_PORT}" in DOCKERFILE
    assert f'"{SERVICE_PORT}", "/readyz", "200"' in DOCKERFILE


def _passwords(text: str) -> set[str]:
    return set(re.findall(r"\$\{(\w+_PASSWORD):\?run make up-containers\}", text))
