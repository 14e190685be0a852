"""Who comes into the studio, over a real socket: its own hosts and pages, by a code or a key; nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from studios import StudioProcess, Watched

# The names of the cookie and of the socket are the studio's own; what is asked here is what a stranger gets.
SOCKET = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@pytest.fixture
def inside(studio: StudioProcess) -> Iterator[httpx.Client]:
    """One who has come in."""
    with httpx.Client(base_url=studio.url, timeout=60) as client:
        assert client.get(studio.way_in).status_code == 303
        yield client


@pytest.mark.parametrize(
    "path", ["/", "/explore", "/photograph", "/report", "/_nicegui_ws/socket.io/?EIO=4", "/nothing"]
)
def test_a_stranger_is_led_to_the_entrance_whatever_is_asked(studio: StudioProcess, path: str) -> None:
    answer = httpx.get(studio.url + path, timeout=60)

    assert (answer.status_code, answer.headers["location"]) == (303, "/enter")


def test_a_strangers_socket_is_closed_before_it_opens(studio: StudioProcess) -> None:
    assert httpx.get(studio.url + SOCKET, headers=UPGRADE, timeout=60).status_code == 403


def test_the_code_lets_in_and_another_one_does_not(studio: StudioProcess, inside: httpx.Client) -> None:
    assert inside.get("/").status_code == 200

    refused = httpx.get(studio.url + "/enter?code=" + "0" * 40, timeout=60)

    assert refused.status_code == 403
    assert "not of this studio" in refused.text
    assert "set-cookie" not in refused.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example.org"},
        {"Origin": "http://rebound.example.org"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Origin": "http://127.0.0.1:1"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/", SOCKET, "/studio/studio.css"])
def test_pages_of_other_sites_get_nothing_of_one_who_is_in(
    inside: httpx.Client, headers: dict[str, str], path: str
) -> None:
    answer = inside.get(path, headers={**headers, **(UPGRADE if path == SOCKET else {})})

    assert answer.status_code == 403
    assert "expected" in answer.text or path == SOCKET


def test_a_link_on_another_page_leads_in(inside: httpx.Client) -> None:
    answer = inside.get("/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})

    assert answer.status_code == 200


def test_answers_say_that_nothing_is_from_elsewhere(inside: httpx.Client) -> None:
    headers = inside.get("/").headers

    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_a_key_that_the_server_does_not_take_is_refused_on_the_page(
    studio: StudioProcess, watched: Watched, open_page: Callable[..., Page]
) -> None:
    watched.allowed.append("403")
    page = open_page("/enter")
    page.get_by_label("Key").fill("x" * 43)
    page.get_by_role("button", name="Come in").click()

    expect(page.get_by_role("alert")).to_contain_text("does not take that key")
