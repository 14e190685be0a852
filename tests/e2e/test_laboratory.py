"""A live server with TLS, certificates of clients, and keys: what it keeps over a kill, and whom it lets in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from live_server import JOB_SECONDS, LiveServer
from pullback_client import Client, NotFoundError, ResourceExhaustedError, UnauthenticatedError, UnavailableError
from pullback_server.tls.__main__ import main as make_certificates


def test_keys_owners_shares_and_usage_outlive_the_server(
    start_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    lab = tmp_path / "lab"
    assert make_certificates([str(lab), "--client", "rig"]) == 0
    files = ("--tls-cert", lab / "server.pem", "--tls-key", lab / "server.key", "--tls-client-ca", lab / "ca.pem")
    options = (*map(str, files), "--quota", "device_seconds=36000")
    server = start_server(options=options)
    rig = {"ca": lab / "ca.pem", "cert": lab / "rig.pem", "key": lab / "rig.key"}

    def client(token: str | None = None) -> Client:
        return Client(server.target, token=token, timeout=60, **rig)

    with client() as operator:
        tokens = {
            "ada": operator.create_key("ada").token,
            "bob": operator.create_key("bob", quotas={"device_seconds": 1e-6}).token,
            "eve": operator.create_key("eve").token,
        }
        operator.revoke_key("eve")
    with client(tokens["ada"]) as ada, client(tokens["bob"]) as bob:
        photograph = Image.new("RGB", (32, 32), (200, 90, 40))
        found = ada.invert(photograph, "tiny", distance="mse", steps=5, timeout=JOB_SECONDS)
        assert found.latent.shape
        (job,) = [job for job in ada.list_jobs() if job.kind == "inversion"]
        # What computes an eigenbasis is everybody's.
        assert job.name not in [each.name for each in bob.list_jobs()]
        session = ada.evolve("tiny", optimizer="cma", population=4)
        assert ada.share(session.name, "bob") == ["bob"]
        assert bob.get_session(session.name).name == session.name
        bob.invert(photograph, "tiny", distance="mse", steps=5, timeout=JOB_SECONDS)
        with pytest.raises(ResourceExhaustedError, match=r"try again after .* 00:00 UTC"):
            bob.invert(photograph, "tiny", distance="mse", steps=6)
    server.kill()
    server.start(*options)
    with client() as operator:
        keys = {key.name: key for key in operator.list_keys()}
    assert keys["ada"].device_seconds_today > 0
    assert keys["ada"].stored_bytes > 0
    assert keys["ada"].quotas == {"device_seconds": 36000.0}
    with client(tokens["ada"]) as ada, client(tokens["bob"]) as bob:
        assert len(ada.get_inversion(job.name.replace("jobs", "inversions"))) == 1
        for name in (job.name, job.name.replace("jobs", "inversions")):
            with pytest.raises(NotFoundError):
                bob.share(name)
        assert bob.get_session(session.name).name == session.name
        with pytest.raises(ResourceExhaustedError):
            bob.invert(photograph, "tiny", distance="mse", steps=6)
    with client(tokens["eve"]) as eve, pytest.raises(UnauthenticatedError, match="'eve' was revoked"):
        eve.list_jobs()
    bare = Client(server.target, ca=lab / "ca.pem", token=tokens["ada"], timeout=60)
    with bare, pytest.raises(UnavailableError):
        bare.list_jobs()
    assert not [token for token in tokens.values() if token in server.log()]
