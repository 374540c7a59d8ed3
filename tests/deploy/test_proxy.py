"""Who gets to Dagster's UI: nginx with deploy/nginx.conf, in front of the services of compose.yaml."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.deploy.files import program
from tests.deploy.house import House
from tests.postgres import Server

pytestmark = [
    pytest.mark.deploy,
    pytest.mark.skipif(program("nginx") is None, reason="no nginx is installed on this machine"),
]

PASSWORD = "correct horse battery"
LOCATION = "etl_assets.definitions"
PAGE = {"Accept": "text/html,application/xhtml+xml"}
SESSION = "sessionid"

USERS = f"""
from django.contrib.auth.models import User
User.objects.create_user("sister", password="{PASSWORD}", is_staff=True)
User.objects.create_user("visitor", password="{PASSWORD}")
User.objects.create_user("leaver", password="{PASSWORD}", is_staff=True)
"""

DEACTIVATE = """
from django.contrib.auth.models import User
User.objects.filter(username="leaver").update(is_active=False)
"""

LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
LAUNCH_PARAMS = {
    "params": {
        "selector": {
            "repositoryLocationName": LOCATION,
            "repositoryName": "__repository__",
            "jobName": "migrate_legacy_data",
        },
        "mode": "default",
        "runConfigData": {},
    }
}
RE_EXECUTE = """
mutation ($run: String!) {
  launchRunReexecution(reexecutionParams: {parentRunId: $run, strategy: ALL_STEPS}) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""


class Client:
    """A browser, as far as nginx and Django can tell."""

    def __init__(self, address: str, *, source: str | None = None) -> None:
        self.address = address
        self.session = requests.Session()
        if source:
            self.session.mount("http://", FromAddress(source))

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(
            self.address + path, headers={**PAGE, **headers}, allow_redirects=False, timeout=30
        )

    def sign_in(
        self, user: str, password: str = PASSWORD, path: str = "/accounts/login/"
    ) -> requests.Response:
        page = self.get(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert token is not None
        # As the page's form sends it: with the way back in a hidden field.
        back = re.search(r'name="next" value="([^"]*)"', page.text)
        assert back is not None
        data = {"username": user, "password": password, "csrfmiddlewaretoken": token[1]}
        data["next"] = back[1].replace("&amp;", "&")
        return self.post(path, data)

    def post(self, path: str, data: dict[str, str]) -> requests.Response:
        return self.session.post(self.address + path, data=data, allow_redirects=False, timeout=30)

    def graphql(self, query: str, variables: Any = None, **headers: str) -> requests.Response:
        return self.session.post(
            f"{self.address}/dagster/graphql",
            json={"query": query, "variables": variables or {}},
            headers=headers,
            allow_redirects=False,
            timeout=60,
        )

    def socket(self) -> ClientConnection:
        cookies = "; ".join(f"{name}={value}" for name, value in self.session.cookies.items())
        return connect(
            self.address.replace("http:", "ws:") + "/dagster/graphql",
            additional_headers={"Cookie": cookies},
            origin=Origin(self.address),
            subprotocols=[Subprotocol("graphql-ws")],
        )


class FromAddress(HTTPAdapter):
    """Calls from another address of this machine, so that nginx takes it for somebody else."""

    def __init__(self, source: str) -> None:
        self._source = source
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, source_address=(self._source, 0), **options)


@pytest.fixture(scope="module")
def house(_server: Callable[[], Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"), _server())
    try:
        house.manage("migrate", "--noinput", "--verbosity", "0")
        house.manage("make_legacy_hospital", "--patients", "200", "--seed", "1")
        house.manage("shell", "--command", USERS)
        house.start("django", "code", "webserver", "viewer", "daemon", "proxy")
        yield house
    finally:
        house.stop()


@pytest.fixture
def nobody(house: House) -> Client:
    return Client(house.address)


@pytest.fixture(scope="module")
def staff(house: House) -> Client:
    client = Client(house.address)
    assert client.sign_in("sister").status_code == 302
    return client


@pytest.fixture(scope="module")
def viewer(house: House) -> Client:
    client = Client(house.address)
    assert client.sign_in("visitor").status_code == 302
    return client


def result_of(response: requests.Response) -> dict[str, Any]:
    """What a mutation with one field answered."""
    assert response.status_code == 200, response.text
    (result,) = response.json()["data"].values()
    return result


def status_of(client: Client, run_id: str) -> str:
    query = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
    return result_of(client.graphql(query, {"run": run_id}))["status"]


def ended(client: Client, run_id: str) -> str:
    deadline = time.monotonic() + 90
    while (status := status_of(client, run_id)) not in ("SUCCESS", "FAILURE", "CANCELED"):
        assert time.monotonic() < deadline, f"run {run_id} is still {status}"
        time.sleep(0.3)
    return status


@pytest.mark.parametrize(
    ("path", "login"),
    [
        ("/dagster/", "/accounts/login/?next=/dagster/"),
        ("/dagster/server_info", "/accounts/login/?next=/dagster/server_info"),
        ("/dagster/runs?q=a&b=%20c", "/accounts/login/?next=/dagster/runs%3Fq%3Da%26b%3D%2520c"),
    ],
)
def test_a_page_without_a_session_leads_to_the_login(nobody: Client, path: str, login: str) -> None:
    answer = nobody.get(path)

    assert (answer.status_code, answer.headers["Location"]) == (302, login)


@pytest.mark.parametrize("path", ["/dagster", "/"])
def test_short_addresses_lead_to_the_ui(nobody: Client, path: str) -> None:
    assert nobody.get(path).headers["Location"] == "/dagster/"


def test_a_program_without_a_session_is_told_so(nobody: Client) -> None:
    assert nobody.graphql("{ version }").status_code == 401
    assert nobody.get("/dagster/graphql?query={version}", Accept="*/*").status_code == 401
    with pytest.raises(InvalidStatus) as refused:
        nobody.socket()
    assert refused.value.response.status_code == 401


def test_a_session_that_nobody_has_is_none(nobody: Client) -> None:
    nobody.session.cookies.set(SESSION, "a" * 32)

    assert nobody.graphql("{ version }").status_code == 401


def test_a_wrong_password_lets_nobody_in(nobody: Client) -> None:
    answer = nobody.sign_in("sister", "wrong")

    assert answer.status_code == 200
    assert "Please enter a correct username and password" in answer.text
    assert SESSION not in nobody.session.cookies
    assert nobody.graphql("{ version }").status_code == 401


def test_after_the_login_one_is_where_one_wanted_to_be(nobody: Client) -> None:
    wanted = "/dagster/runs?q=a&b=%20c"
    login = nobody.get(wanted).headers["Location"]

    answer = nobody.sign_in("visitor", path=login)

    assert (answer.status_code, answer.headers["Location"]) == (302, wanted)
    page = nobody.get(wanted)
    assert page.status_code == 200
    assert '"assetPrefix":"/dagster"' in page.text


def test_a_login_leads_to_no_other_site(nobody: Client) -> None:
    page = nobody.get("/accounts/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token is not None
    data = {"username": "visitor", "password": PASSWORD, "csrfmiddlewaretoken": token[1]}

    answer = nobody.post("/accounts/login/", {**data, "next": "//evil.example/"})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_a_long_address_survives_the_way_to_the_login(nobody: Client) -> None:
    wanted = "/dagster/assets?selection=" + "%22" * 2000

    assert parse_qs(urlsplit(nobody.get(wanted).headers["Location"]).query)["next"] == [wanted]


def test_a_viewer_sees_and_cannot_launch(viewer: Client) -> None:
    location = "query { repositoriesOrError { ... on RepositoryConnection { nodes { location { name } } } } }"
    assert result_of(viewer.graphql(location)) == {"nodes": [{"location": {"name": LOCATION}}]}

    launched = result_of(viewer.graphql(LAUNCH, LAUNCH_PARAMS))

    assert launched["__typename"] == "UnauthorizedError"
    assert result_of(viewer.graphql("{ runsOrError { ... on Runs { count } } }"))["count"] == 0


def test_staff_launches_and_re_executes(house: House, staff: Client) -> None:
    launched = result_of(staff.graphql(LAUNCH, LAUNCH_PARAMS))
    assert launched["__typename"] == "LaunchRunSuccess", launched
    assert ended(staff, launched["run"]["runId"]) == "SUCCESS"

    house.manage("migrate_legacy_data", "--output", str(house.folder / "report.json"))
    by_command = json.loads((house.folder / "report.json").read_text())
    patients = by_command["transformers"]["patients"]
    assert (patients["read"], patients["created"]) == (200, 0), "the run from the UI has loaded all"
    assert status_of(staff, by_command["run_id"]) == "SUCCESS"

    again = result_of(staff.graphql(RE_EXECUTE, {"run": by_command["run_id"]}))
    assert again["__typename"] == "LaunchRunSuccess", again
    assert ended(staff, again["run"]["runId"]) == "SUCCESS"


@pytest.mark.parametrize("name", ["X-ETL-Role", "x-etl-role", "X-Etl-Role"])
def test_no_header_makes_anybody_more_than_they_are(nobody: Client, viewer: Client, name: str) -> None:
    assert nobody.graphql("{ version }", **{name: "staff"}).status_code == 401
    refused = result_of(viewer.graphql(LAUNCH, LAUNCH_PARAMS, **{name: "staff"}))
    assert refused["__typename"] == "UnauthorizedError"


def test_no_header_changes_the_way_back(nobody: Client) -> None:
    answer = nobody.get(
        "/dagster/runs", **{"X-Original-URI": "//evil.example/", "X-ETL-Login": "//evil.example/"}
    )

    assert answer.headers["Location"] == "/accounts/login/?next=/dagster/runs"


@pytest.mark.parametrize("path", ["/etl/gate/", "//etl/gate/", "/etl/./gate/", "/etl/%67ate/"])
def test_the_gate_itself_is_not_to_be_asked(staff: Client, path: str) -> None:
    answer = requests.Request("GET", staff.address, cookies=staff.session.cookies).prepare()
    answer.url = staff.address + path

    assert staff.session.send(answer).status_code == 404


@pytest.mark.parametrize(
    "path", ["/dagster/../dagster/server_info", "//dagster/server_info", "/%64agster/server_info"]
)
def test_no_spelling_of_an_address_goes_round_the_gate(nobody: Client, path: str) -> None:
    asked = requests.Request("GET", nobody.address).prepare()
    asked.url = nobody.address + path

    assert nobody.session.send(asked).status_code == 401


def test_a_page_of_another_site_cannot_use_the_session(house: House, staff: Client) -> None:
    assert staff.graphql("{ version }", Origin="https://evil.example").status_code == 403
    assert staff.graphql("{ version }", Origin=f"{house.address}.evil.example").status_code == 403
    assert staff.graphql("{ version }", Origin="null").status_code == 403
    assert staff.graphql("{ version }", Origin=house.address).status_code == 200


def test_subscriptions_come_over_a_web_socket(viewer: Client, staff: Client) -> None:
    for client in (viewer, staff):
        with client.socket() as socket:
            socket.send(json.dumps({"type": "connection_init", "payload": {}}))
            assert json.loads(socket.recv(timeout=10)) == {"type": "connection_ack"}


def test_who_is_deactivated_is_out_at_once(house: House, nobody: Client) -> None:
    nobody.sign_in("leaver")
    assert nobody.graphql("{ version }").status_code == 200

    house.manage("shell", "--command", DEACTIVATE)

    assert nobody.graphql("{ version }").status_code == 401


def test_who_signs_out_is_out(nobody: Client) -> None:
    nobody.sign_in("visitor")
    page = nobody.get("/accounts/")
    assert "Signed in as visitor." in page.text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token is not None

    nobody.post("/accounts/logout/", {"csrfmiddlewaretoken": token[1]})

    assert nobody.graphql("{ version }").status_code == 401


def test_a_host_that_is_not_ours_is_refused(nobody: Client) -> None:
    assert nobody.get("/accounts/login/", Host="evil.example").status_code == 400


def test_passwords_cannot_be_guessed_quickly(house: House) -> None:
    guesser = Client(house.address, source="127.0.0.2")
    page = guesser.get("/accounts/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token is not None
    # Without a user name Django does not take its time to hash the password.
    data = {"username": "", "password": "guess", "csrfmiddlewaretoken": token[1]}

    answers = [guesser.post("/accounts/login/", data).status_code for _ in range(25)]

    assert answers[:20] == [200] * 20
    assert 429 in answers[20:]
    assert guesser.get("/accounts/login/").status_code == 200, "only guesses are counted"
