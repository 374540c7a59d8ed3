"""A real browser without a window, driven over a pipe by its own protocol (CDP); nothing else is needed."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
DOWNLOADED = Path(__file__).parents[2] / ".venv" / "browsers"
"""Where tools/make_browser.sh puts one, and what it is called there."""
DOWNLOADED_NAMES = ("chrome", "Chromium", "Google Chrome for Testing")
SECONDS = 30


def installed() -> str | None:
    """Return the path of a Chromium, or None where there is none."""
    on_path = (path for name in NAMES if (path := shutil.which(name)))
    downloaded = (
        str(path)
        for name in DOWNLOADED_NAMES
        for path in sorted(DOWNLOADED.glob(f"chromium-*/chrome-*/**/{name}"))
        if path.is_file()
    )
    return next(on_path, None) or next(downloaded, None)


class Browser:
    """One page of a browser."""

    def __init__(self, to: int, back: int) -> None:
        self._to = to
        self._back = os.fdopen(back, "rb", buffering=0)
        self._unread = b""
        self._last = 0
        self._session: str | None = None
        self.complaints: list[str] = []
        """What the console has shown, and what the page was refused."""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def open(self, path: Path, *, width: int = 1250, scheme: str = "light", media: str = "screen") -> None:
        """Open a file as a reader with this taste would see it."""
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", media=media, features=features)
        self.complaints.clear()
        self._call("Page.navigate", url=path.resolve().as_uri())
        deadline = time.monotonic() + SECONDS
        while (
            self.run(
                f"document.readyState == 'complete' && location.href == {json.dumps(path.resolve().as_uri())}"
            )
            is not True
        ):
            assert time.monotonic() < deadline, "the page did not load"

    def run(self, script: str) -> Any:
        """Evaluate JavaScript in the page, and return what it gives."""
        result = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def picture(self) -> bytes:
        """Return the whole page as a PNG."""
        shot = self._call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def paper(self) -> bytes:
        """Return the page as it is printed, a PDF."""
        return base64.b64decode(self._call("Page.printToPDF", printBackground=True)["data"])

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._last:
                assert "error" not in answer, answer
                return answer["result"]
            self._note(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            more = self._back.read(65536)
            assert more, "the browser has gone"
            self._unread += more
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        kind, parameters = event.get("method"), event.get("params", {})
        if kind in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.complaints.append(json.dumps(parameters))
        if kind == "Network.requestWillBeSent" and not parameters["request"]["url"].startswith("file:"):
            self.complaints.append(f"asked for {parameters['request']['url']}")


@contextmanager
def running(program: str, profile: Path) -> Iterator[Browser]:
    """Start a browser with an empty profile, and end it."""
    here_in, there_out = os.pipe()
    there_in, here_out = os.pipe()

    def place() -> None:
        os.dup2(os.dup(there_in), 3)
        os.dup2(os.dup(there_out), 4)

    flags = [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={profile}",
    ]  # fmt: skip
    with subprocess.Popen(
        [program, *flags],
        preexec_fn=place,
        close_fds=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(there_in)
        os.close(there_out)
        try:
            yield Browser(here_out, here_in)
        finally:
            process.kill()
            os.close(here_out)
