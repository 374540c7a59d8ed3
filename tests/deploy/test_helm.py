"""The chart's values, as far as they can be held against the other files here."""

from __future__ import annotations

import re

import yaml

from tests.deploy.files import ROOT, read

VALUES = yaml.safe_load(read("helm-values.yaml"))


def test_the_chart_has_the_version_of_the_pins() -> None:
    pinned = re.search(r"(?m)^dagster==([\d.]+)", (ROOT / "requirements.txt").read_text())

    assert pinned is not None
    assert f"--version {pinned[1]} " in read("helm-values.yaml")


def test_the_code_location_is_that_of_the_workspace() -> None:
    (deployment,) = VALUES["dagster-user-deployments"]["deployments"]
    (server,) = VALUES["dagsterWebserver"]["workspace"]["servers"]
    here = yaml.safe_load(read("workspace.yaml"))["load_from"][0]["grpc_server"]

    assert (server["host"], server["port"]) == (deployment["name"], deployment["port"])
    assert (server["port"], server["name"]) == (here["port"], here["location_name"])
    assert "etl_assets.definitions" in deployment["dagsterApiGrpcArgs"]
    assert deployment["podSecurityContext"]["runAsUser"] == 10001


def test_nobody_gets_in_past_the_proxy_and_no_password_is_written_down() -> None:
    assert VALUES["ingress"] == {"enabled": False}
    assert VALUES["dagsterWebserver"]["service"]["type"] == "ClusterIP"
    assert VALUES["dagsterWebserver"]["enableReadOnly"] is True
    assert VALUES["dagsterWebserver"]["pathPrefix"] == "/dagster"
    assert not re.search(r"(?mi)^\s*\w*password:", read("helm-values.yaml"))
