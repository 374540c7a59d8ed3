"""compose.yaml: valid, true to the files that it names, closed to the outside, and dead without secrets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, ROOT, Unset, compose, read, schema_errors

GIVEN = {
    "POSTGRES_PASSWORD": "abc123",
    "SECRET_KEY": "key",
    "LEGACY_DATABASE_URL": "postgresql://reader:abc@old/name",
    "ALLOWED_HOSTS": "hospital.example",
}
HOUSE = compose(GIVEN)
SERVICES = HOUSE["services"]
OURS = [name for name, service in SERVICES.items() if service.get("build", {}).get("target") == "app"]


def test_it_follows_the_compose_specification() -> None:
    assert schema_errors("compose-spec", DEPLOY / "compose.yaml") == []


@pytest.mark.parametrize("missing", GIVEN)
def test_it_does_not_start_without_its_secrets(missing: str) -> None:
    with pytest.raises(Unset, match=missing):
        compose({**GIVEN, missing: ""})


def test_no_secret_is_written_down() -> None:
    template = compose({name: f"<{name}>" for name in GIVEN})
    for service in template["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET", name):
                assert value == f"<{name.removeprefix('DAGSTER_')}>"
    assert all(
        not line.partition("=")[2]
        for line in read("env.example").splitlines()
        if re.match("(POSTGRES_PASSWORD|SECRET_KEY|LEGACY_DATABASE_URL)=", line)
    )


def test_the_example_of_an_environment_names_every_variable() -> None:
    used = set(re.findall(r"\$\{(\w+)", read("compose.yaml"))) - {"IMAGE", "PROXY_IMAGE"}

    assert set(re.findall(r"(?m)^(\w+)=", read("env.example"))) == used


def test_what_services_wait_for_exists_and_is_well() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            condition = how["condition"]
            assert other in SERVICES, f"{name} waits for {other}"
            if condition == "service_healthy":
                # nginx starts last; its image says how it is.
                assert "healthcheck" in SERVICES[other], f"{name} waits for the health of {other}"
            else:
                assert condition == "service_completed_successfully"
                assert SERVICES[other]["restart"] == "no"


def test_networks_and_volumes_are_those_that_are_declared() -> None:
    used_networks = {network for service in SERVICES.values() for network in service["networks"]}
    assert used_networks == set(HOUSE["networks"])

    sources = [mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])]
    files = {source for source in sources if source.startswith(".")}
    assert set(sources) - files == set(HOUSE["volumes"])
    assert files - {"./logs"} == {"./dagster.yaml", "./postgres-init.sql"}
    assert all((DEPLOY / file).is_file() for file in files - {"./logs"})


def test_what_is_built_is_in_the_dockerfile() -> None:
    for service in SERVICES.values():
        if build := service.get("build"):
            assert (DEPLOY / build["context"]).resolve() == ROOT
            assert (ROOT / build["dockerfile"]).is_file()
            assert re.search(rf"(?m)^FROM \S+ AS {build['target']}$", read("Dockerfile"))


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert SERVICES["proxy"]["ports"] == ["127.0.0.1:8080:8080"]
    assert SERVICES["proxy"]["networks"] == ["front"], "it does not see PostgreSQL"
    assert all("network_mode" not in service and "expose" not in service for service in SERVICES.values())


def test_nothing_of_ours_runs_as_root_but_to_find_the_owner_of_the_logs() -> None:
    assert {name for name in OURS if SERVICES[name]["user"] != "10001:10001"} == {"migrate"}
    for name in [*OURS, "proxy"]:
        service = SERVICES[name]
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_every_variable_is_read_by_somebody() -> None:
    readers = (ROOT / "django_project" / "settings.py").read_text() + read("dagster.yaml")
    for name in SERVICES["django"]["environment"]:
        assert re.search(rf"\b{name}\b", readers), f"nobody reads {name}"
    asked = set(re.findall(r"env: (\w+)", read("dagster.yaml")))
    assert asked <= SERVICES["django"]["environment"].keys()


def test_what_the_settings_read_can_be_set_without_touching_a_file() -> None:
    settings = (ROOT / "django_project" / "settings.py").read_text()
    known = set(re.findall(r"(?m)^\| `(\w+)` \|", settings)) - {"DEBUG"}  # the image says that

    assert {"NIGHTLY", "SENSORS", "ALERT_EMAIL", "WEBHOOK_URL", "DAGSTER_URL"} < known
    assert known <= SERVICES["code"]["environment"].keys()
    assert known <= set(re.findall(r"(?m)^(\w+)=", read("systemd/environment.example")))


def test_one_web_server_is_read_only() -> None:
    read_only = [name for name in SERVICES if "--read-only" in SERVICES[name].get("command", [])]
    assert read_only == ["viewer"]
    assert [word for word in SERVICES["viewer"]["command"] if word != "--read-only"] == SERVICES["webserver"][
        "command"
    ]


def test_names_and_ports_agree() -> None:
    upstreams = dict(re.findall(r"server (\w+):(\d+);", read("nginx.conf")))
    assert upstreams == {"django": "8000", "webserver": "3000", "viewer": "3000"}
    for name, port in upstreams.items():
        assert f"--port={port}" in SERVICES[name]["command"]
        assert f":{port}/" in SERVICES[name]["healthcheck"]["test"][-1]
        assert "front" in SERVICES[name]["networks"]
    assert re.search(r"host: code\n\s+port: 4000\n", read("workspace.yaml"))
    assert "4000" in SERVICES["code"]["command"]
    assert "CREATE DATABASE dagster;" in read("postgres-init.sql")
    assert SERVICES["django"]["environment"]["DAGSTER_POSTGRES_DB"] == "dagster"


def test_the_code_location_has_the_name_that_runs_of_the_command_carry() -> None:
    from etl_assets.orchestration.origin import CODE_LOCATION

    assert f"location_name: {CODE_LOCATION}\n" in read("workspace.yaml")
    assert CODE_LOCATION in SERVICES["code"]["command"]


def test_paths_in_commands_are_in_the_image() -> None:
    words = [word for name in OURS for word in SERVICES[name].get("command", [])]
    words += [word for name in OURS for word in SERVICES[name].get("healthcheck", {}).get("test", [])]
    paths = {word.partition("=")[2] or word for word in words if "deploy/" in word}
    copied = re.search(r"COPY (deploy/.*) deploy/\n", read("Dockerfile"))
    assert copied is not None
    assert paths == {"deploy/workspace.yaml", "deploy/healthcheck.py"}
    assert paths <= set(copied[1].split())
    assert Path(DEPLOY / "entrypoint.sh").is_file()
