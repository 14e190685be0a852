"""The studio in a server's own process, `--studio`: with the server, by keys under TLS, refused where it may not be."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from live_server import START_SECONDS, LiveServer
from pullback_client import Client
from studios import PATIENCE_MS, Watched


def opened(watched: Watched, url: str, **options: object) -> Page:
    context = watched.browser.new_context(**options)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    watched.watch(page, url)
    return page


def test_it_comes_and_goes_with_the_server_and_an_open_page_goes_on_after_a_restart(
    start_server: Callable[..., LiveServer], watched: Watched
) -> None:
    server = start_server(options=("--studio", "127.0.0.1:0"))
    url, _, way_in = server.studio.partition("/enter")
    assert way_in.startswith("?code=")
    watched.allowed += ["ERR_CONNECTION_REFUSED", "WebSocket", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET"]
    page = opened(watched, url)
    page.goto(server.studio)
    heading = page.get_by_role("heading", name="tiny", exact=True)
    expect(heading).to_be_visible()

    assert server.terminate() == 0
    server.start("--studio", url.removeprefix("http://"))

    # The page finds by itself that it is of another process, and is loaded anew; the visitor is still known.
    page.wait_for_event("load")
    expect(heading).to_be_visible()
    assert page.url == f"{url}/"


def test_under_tls_it_asks_for_a_key_and_shows_each_what_is_its_own(
    tmp_path: Path, environment: dict[str, str], watched: Watched, browser: Browser
) -> None:
    with LiveServer(tmp_path / "data", environment, secure=True) as server:
        assert server.terminate() == 0
        server.start("--studio", "127.0.0.1:0")
        # On loopback there is a code beside the keys; who has none is asked for a key all the same.
        url = server.studio.partition("/enter")[0]
        assert url.startswith("https://")
        with Client(server.target, ca=str(server.ca)) as operator:
            made = {
                name: operator.create_key(name, role=role).token for name, role in (("ann", "user"), ("eve", "viewer"))
            }
            with Client(server.target, ca=str(server.ca), token=made["ann"]) as ann:
                session = ann.evolve("tiny", title="only ann's", optimizer="random", population=2)
                path = f"/evolution/{session.name.removeprefix('sessions/')}"
                for name, sees in (("ann", True), ("eve", False)):
                    page = opened(watched, url, ignore_https_errors=True)
                    page.goto(f"{url}{path}")
                    assert page.url == f"{url}/enter"
                    page.get_by_label("Key").fill(made[name])
                    page.get_by_role("button", name="Come in").click()
                    expect(page.get_by_role("heading", name="Home")).to_be_visible()
                    page.goto(f"{url}{path}")
                    if sees:
                        expect(page.get_by_role("button", name="Pause")).to_be_visible()
                    else:
                        expect(page.get_by_role("alert")).to_contain_text("session")
                ann.share(session.name)
                page.goto(f"{url}{path}")
                expect(page.get_by_role("heading", name="only ann's")).to_be_visible()
                expect(page.get_by_role("button", name="Export")).to_be_visible()
                # A viewer looks, and changes nothing.
                assert page.get_by_role("button", name="Pause").count() == 0

                page.get_by_role("button", name="Leave").click()

                expect(page.get_by_label("Key")).to_be_visible()
                page.goto(f"{url}{path}")
                assert page.url == f"{url}/enter"
        for context in browser.contexts:  # before the server ends, and pages miss it
            context.close()
        check_new_certificate(server, url)


def check_new_certificate(server: LiveServer, url: str) -> None:
    """By a name that a new certificate has the studio may be called from then on."""
    name = "rig2.example.org"

    def call() -> httpx.Response:
        return httpx.get(url, headers={"Host": name}, verify=False, timeout=60)

    refused = call()
    assert refused.status_code == 403
    assert name in refused.text
    folder = Path(str(server.ca)).parent
    for file in ("server.pem", "server.key"):
        (folder / file).rename(folder / f"{file}.old")
    make = [sys.executable, "-m", "pullback_server.tls", str(folder), "--host", name]
    subprocess.run(make, check=True, capture_output=True)
    assert call().status_code == 303


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--studio", "0.0.0.0:0"], "without TLS"),
        (["--studio", "nowhere"], "nowhere"),
    ],
)
def test_it_is_refused_where_it_may_not_be(tmp_path: Path, options: list[str], says: str) -> None:
    command = [sys.executable, "-m", "pullback_server", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "data")]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=4 * START_SECONDS, check=False)

    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
