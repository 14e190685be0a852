"""A server of our own in a process of its own, on a free loopback port."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from lifelines import ending_with_us
from pullback_api.v1 import (
    directions_pb2_grpc,
    generators_pb2_grpc,
    geometry_pb2,
    geometry_pb2_grpc,
    inversion_pb2_grpc,
    jobs_pb2,
    jobs_pb2_grpc,
    search_pb2,
    search_pb2_grpc,
    specs_pb2,
    tunings_pb2_grpc,
)
from pullback_server.tls.authority import make_authority, make_server, write

START_SECONDS = 180.0
CALL_SECONDS = 180.0
# A job on a loaded machine, weights fetched and a worker started for it.
JOB_SECONDS = 900.0


class _Details(NamedTuple):
    method: str
    timeout: float | None
    metadata: tuple[tuple[str, str], ...]
    credentials: None = None
    wait_for_ready: bool | None = None
    compression: None = None


class WithToken(
    grpc.UnaryUnaryClientInterceptor,  # type: ignore[type-arg]
    grpc.UnaryStreamClientInterceptor,  # type: ignore[type-arg]
    grpc.StreamStreamClientInterceptor,  # type: ignore[type-arg]
):
    """Sends a token with every call, for tests that speak to the server without a client."""

    def __init__(self, token: str) -> None:
        self._header = ("authorization", f"Bearer {token}")

    def _send(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        metadata = (*(details.metadata or ()), self._header)
        return continuation(_Details(details.method, details.timeout, metadata), request)

    intercept_unary_unary = intercept_unary_stream = intercept_stream_stream = _send


class LiveServer:
    """`python -m pullback_server` over a data folder, to be killed and started again at will.

    Args:
        data: The folder.
        environment: What its processes find in theirs beside what is there already.
        first: Python code that the server process runs first.
        secure: Whether it speaks TLS alone, with a certificate of an authority of its own.
    """

    def __init__(self, data: Path, environment: dict[str, str], first: str = "", *, secure: bool = False) -> None:
        self.data = data
        self._first = first
        # Beside the folder, which the server makes itself.
        self._certificates = data.with_name(f"{data.name}-certificates") if secure else None
        self.environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        self._process: subprocess.Popen[str] | None = None
        self._channel: grpc.Channel | None = None
        self._log: list[str] = []
        # From where on it is of the present process, and of the present test.
        self._spawned = self._revived = 0
        self.target = ""
        self.http = self.metrics = self.studio = ""

    def __enter__(self) -> LiveServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, *options: str) -> None:
        """Starts the process and waits until it listens."""
        self.spawn(*options)
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        match = re.fullmatch(
            r"pullback-server listening on (127\.0\.0\.1:\d+)(?: \(http: (127\.0\.0\.1:\d+)\))?"
            r"(?: \(metrics: (127\.0\.0\.1:\d+)\))?(?: \(studio: (\S+)\))?\n",
            line,
        )
        if match is None:
            self._wait()
            raise AssertionError(f"the server did not start: {line!r}; log: {self.log()[-2000:]}")
        self.target = match[1]
        self.http = f"http{'s' if self._certificates else ''}://{match[2]}" if match[2] else ""
        self.metrics = f"http://{match[3]}" if match[3] else ""
        self.studio = match[4] or ""
        self._connect()

    def spawn(self, *options: str) -> None:
        """Starts the process."""
        self._spawned = len(self._log)
        code = f"{self._first}\nfrom pullback_server.__main__ import main\nraise SystemExit(main())"
        program = ["-c", code] if self._first else ["-m", "pullback_server"]
        command = [sys.executable, *program, "--listen", "127.0.0.1:0", "--data", str(self.data)]
        self._process = subprocess.Popen(
            ending_with_us(*command, "--checkpoint-seconds", "0.2", *self._tls_options(), *options),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        # Not a file: a test that limits the size of the server's files must not limit its log.
        self._reader = threading.Thread(target=self._log.extend, args=(self._process.stderr,))
        self._reader.start()

    def _tls_options(self) -> list[str]:
        if (folder := self._certificates) is None:
            return []
        if not folder.exists():
            folder.mkdir()
            authority = make_authority()
            write(authority, folder / "ca.pem", folder / "ca.key")
            write(make_server(authority, ["127.0.0.1", "localhost"]), folder / "server.pem", folder / "server.key")
        return ["--tls-cert", str(folder / "server.pem"), "--tls-key", str(folder / "server.key")]

    @property
    def ca(self) -> str | bool:
        """What those who call it over HTTP are to trust: a file of certificates, or what they trust anyway."""
        return True if self._certificates is None else str(self._certificates / "ca.pem")

    def log(self) -> str:
        """What the server has logged so far, since `revive` if that was called."""
        return "".join(self._log[self._revived :])

    @property
    def process(self) -> psutil.Process:
        """The server process."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    @property
    def worker(self) -> psutil.Process:
        """The process that computes its jobs, as soon as it has one."""
        return self.process_of("worker-0")

    @property
    def calls_worker(self) -> psutil.Process:
        """The process that answers calls beside jobs, as soon as it has one: once jobs have gone on for a while."""
        return self.process_of("worker-0-calls")

    @property
    def searches(self) -> psutil.Process:
        """The process that evolves its searches."""
        return self.process_of("searches")

    @property
    def workers(self) -> list[psutil.Process]:
        """Whichever of the two it has on its first device."""
        names = ["worker-0"] + ["worker-0-calls"] * ("worker-0-calls is process" in self._log_of_process())
        return [self.process_of(name) for name in names]

    def _log_of_process(self) -> str:
        return "".join(self._log[self._spawned :])

    def process_of(self, name: str) -> psutil.Process:
        """The worker process of that name, as soon as there is one."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            for pid in re.findall(rf"\b{name} is process (\d+)\b", self._log_of_process())[-1:]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process = psutil.Process(int(pid))
                    if process.ppid() == self.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                        return process
            time.sleep(0.05)
        raise AssertionError(f"the server has no {name}")

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def revive(self) -> None:
        """Starts the process where it does not run, and waits until it is well; what it has logged is forgotten."""
        self._revived = len(self._log)
        if not self.runs:
            self.close()
            self.start()
        self.wait_until(serving=True, seconds=JOB_SECONDS)

    def tidy(self) -> None:
        """Cancels all jobs, closes all sessions and deletes all eigenbases."""
        active = [jobs_pb2.JOB_STATE_QUEUED, jobs_pb2.JOB_STATE_RUNNING]
        while jobs := self.jobs.ListJobs(jobs_pb2.ListJobsRequest(states=active), timeout=CALL_SECONDS).jobs:
            for job in jobs:
                self.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=job.name), timeout=CALL_SECONDS)
            for job in jobs:
                self.wait(job.name)
        sessions = search_pb2.ListSessionsRequest(states=[search_pb2.SESSION_STATE_ACTIVE], page_size=1000)
        for session in self.search.ListSessions(sessions, timeout=CALL_SECONDS).sessions:
            self.search.CloseSession(search_pb2.CloseSessionRequest(name=session.name), timeout=CALL_SECONDS)
        bases = geometry_pb2.ListEigenbasesRequest(parent="generators/tiny", page_size=1000)
        for basis in self.geometry.ListEigenbases(bases, timeout=CALL_SECONDS).eigenbases:
            self.geometry.DeleteEigenbasis(geometry_pb2.DeleteEigenbasisRequest(name=basis.name), timeout=CALL_SECONDS)

    def kill(self) -> None:
        """SIGKILL: the server has no chance to do anything; its workers end by themselves."""
        children = self.process.children(recursive=True)
        self._disconnect()
        self.process.kill()
        self._wait()
        _, alive = psutil.wait_procs(children, timeout=CALL_SECONDS)
        assert not alive

    def terminate(self) -> int:
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self._wait()
        self._disconnect()
        return status

    def close(self) -> None:
        """Ends the process, if it still runs, and closes what was open to it."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self.terminate()
        elif self._process.stdout is not None and not self._process.stdout.closed:
            self._wait()
            self._disconnect()

    def _wait(self) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        status = self._process.wait(timeout=60)
        self._reader.join()
        self._process.stdout.close()
        self._process.stderr.close()
        return status

    def _connect(self) -> None:
        self._channel = self.connect()
        self.generators = generators_pb2_grpc.GeneratorsStub(self._channel)
        self.geometry = geometry_pb2_grpc.GeometryStub(self._channel)
        self.inversion = inversion_pb2_grpc.InversionStub(self._channel)
        self.jobs = jobs_pb2_grpc.JobsStub(self._channel)
        self.search = search_pb2_grpc.SearchStub(self._channel)
        self.directions = directions_pb2_grpc.DirectionsStub(self._channel)
        self.tunings = tunings_pb2_grpc.TuningsStub(self._channel)

    @property
    def token(self) -> str:
        """The token that its data folder keeps."""
        return (self.data / "token").read_text(encoding="ascii").strip()

    @property
    def headers(self) -> dict[str, str]:
        """What lets in a request over HTTP."""
        return {"Authorization": f"Bearer {self.token}"}

    def connect(self, options: Sequence[tuple[str, Any]] = (), *, token: str | None = None) -> grpc.Channel:
        """Another channel to the server, whose calls carry that token, or its own where it keeps one."""
        if self._certificates is None:
            channel = grpc.insecure_channel(self.target, options=options)
        else:
            trusted = grpc.ssl_channel_credentials((self._certificates / "ca.pem").read_bytes())
            channel = grpc.secure_channel(self.target, trusted, options=options)
        if token is None and (self.data / "token").exists():
            token = self.token
        return channel if token is None else grpc.intercept_channel(channel, WithToken(token))

    @property
    def channel(self) -> grpc.Channel:
        """The channel to the server."""
        assert self._channel is not None
        return self._channel

    def _disconnect(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def is_serving(self, service: str = "") -> bool:
        """Whether a service, the whole server or one of its parts says that it is well."""
        health = health_pb2_grpc.HealthStub(self.channel)
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=CALL_SECONDS)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def troubles(self) -> str:
        """What the server says it is troubled by; empty while it is well."""
        health = health_pb2_grpc.HealthStub(self.channel)
        _, call = health.Check.with_call(health_pb2.HealthCheckRequest(), timeout=CALL_SECONDS)
        return "; ".join(value for key, value in call.trailing_metadata() if key == "pullback-unwell")

    def wait_until(self, serving: bool, seconds: float = CALL_SECONDS) -> float:
        """Waits until the server is well, or is not; returns how many seconds that took."""
        began = time.monotonic()
        while self.is_serving() != serving:
            assert time.monotonic() - began < seconds, (
                f"still {'not ' if serving else ''}serving; log: {self.log()[-2000:]}"
            )
            time.sleep(0.05)
        return time.monotonic() - began

    @property
    def opening_nothing(self) -> int:
        """The limit of descriptors under which the server can open nothing more; what is open stays open.

        The system gives the lowest number that is free, and one that has served for a while has gaps among its own.
        """
        lowest = []
        for _ in range(20):
            # What is open for a moment only takes no number away.
            taken = {int(each.name) for each in Path(f"/proc/{self.process.pid}/fd").iterdir()}
            lowest.append(min(set(range(len(taken) + 1)) - taken))
            time.sleep(0.01)
        return min(lowest) - 1

    # What many tests need ----------------------------------------------------------------------------------------

    def wait(self, name: str) -> jobs_pb2.Job:
        """Waits until a job has ended."""
        deadline = time.monotonic() + JOB_SECONDS
        while time.monotonic() < deadline:
            job = self.jobs.WaitJob(jobs_pb2.WaitJobRequest(name=name), timeout=CALL_SECONDS)
            if job.state >= jobs_pb2.JOB_STATE_SUCCEEDED:
                return job
        raise AssertionError(f"{name} did not end")

    def wait_for_step(self, name: str, step: int) -> jobs_pb2.Job:
        """Waits until a job has made that many steps."""
        request = jobs_pb2.WatchJobRequest(name=name)
        for event in self.jobs.WatchJob(request, timeout=JOB_SECONDS):
            if event.job.progress.step >= step:
                return event.job
        raise AssertionError(f"{name} ended before step {step}")

    def eigenbasis(
        self, samples: int = 64, seed: int = 0, distance: str = "mse", generator: str = "tiny", space: str = ""
    ) -> str:
        """The name of an eigenbasis, computed where it is not there yet."""
        spec = specs_pb2.EigenbasisSpec(
            generator=f"generators/{generator}", space=space, distance=distance, samples=samples, seed=seed
        )
        job = self.geometry.ComputeEigenbasis(geometry_pb2.ComputeEigenbasisRequest(spec=spec), timeout=CALL_SECONDS)
        ended = self.wait(job.name)
        assert ended.state == jobs_pb2.JOB_STATE_SUCCEEDED, ended
        return ended.result
