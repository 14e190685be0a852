"""A server of our own in a process of its own, on a free loopback port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pullback_api.v1 import (
    directions_pb2_grpc,
    generators_pb2_grpc,
    geometry_pb2,
    geometry_pb2_grpc,
    inversion_pb2_grpc,
    jobs_pb2,
    jobs_pb2_grpc,
    search_pb2_grpc,
    specs_pb2,
)

START_SECONDS = 60.0
CALL_SECONDS = 60.0


class LiveServer:
    """`python -m pullback_server` over a data folder, to be killed and started again at will."""

    def __init__(self, data: Path, environment: dict[str, str]) -> None:
        self.data = data
        self._environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        self._process: subprocess.Popen[str] | None = None
        self._channel: grpc.Channel | None = None
        self._log: list[str] = []
        self.target = ""
        self.http = ""

    def __enter__(self) -> LiveServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, *options: str) -> None:
        """Starts the process and waits until it listens."""
        command = [sys.executable, "-m", "pullback_server", "--listen", "127.0.0.1:0", "--data", str(self.data)]
        self._process = subprocess.Popen(
            [*command, "--checkpoint-seconds", "0.2", *options],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        # Not a file: a test that limits the size of the server's files must not limit its log.
        self._reader = threading.Thread(target=self._log.extend, args=(self._process.stderr,))
        self._reader.start()
        line = self._process.stdout.readline()
        match = re.fullmatch(
            r"pullback-server listening on (127\.0\.0\.1:\d+)(?: \(http: (127\.0\.0\.1:\d+)\))?\n", line
        )
        if match is None:
            self._wait()
            raise AssertionError(f"the server did not start: {line!r}; log: {self.log()[-2000:]}")
        self.target = match[1]
        self.http = f"http://{match[2]}" if match[2] else ""
        self._connect()

    def log(self) -> str:
        """What the server has logged so far."""
        return "".join(self._log)

    @property
    def process(self) -> psutil.Process:
        """The server process."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    @property
    def worker(self) -> psutil.Process:
        """Its worker process, as soon as it has one."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            for child in self.process.children():
                if "spawn_main" in " ".join(child.cmdline()):
                    return child
            time.sleep(0.05)
        raise AssertionError("the server has no worker")

    def kill(self) -> None:
        """SIGKILL: the server has no chance to do anything; its worker ends by itself."""
        worker = self.worker
        self._disconnect()
        self.process.kill()
        self._wait()
        worker.wait(timeout=30)

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
        self._channel = grpc.insecure_channel(self.target)
        self.generators = generators_pb2_grpc.GeneratorsStub(self._channel)
        self.geometry = geometry_pb2_grpc.GeometryStub(self._channel)
        self.inversion = inversion_pb2_grpc.InversionStub(self._channel)
        self.jobs = jobs_pb2_grpc.JobsStub(self._channel)
        self.search = search_pb2_grpc.SearchStub(self._channel)
        self.directions = directions_pb2_grpc.DirectionsStub(self._channel)

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

    def wait_until(self, serving: bool, seconds: float = CALL_SECONDS) -> float:
        """Waits until the server is well, or is not; returns how many seconds that took."""
        began = time.monotonic()
        while self.is_serving() != serving:
            assert time.monotonic() - began < seconds, (
                f"still {'not ' if serving else ''}serving; log: {self.log()[-2000:]}"
            )
            time.sleep(0.05)
        return time.monotonic() - began

    # What many tests need ----------------------------------------------------------------------------------------

    def wait(self, name: str) -> jobs_pb2.Job:
        """Waits until a job has ended."""
        deadline = time.monotonic() + CALL_SECONDS
        while time.monotonic() < deadline:
            job = self.jobs.WaitJob(jobs_pb2.WaitJobRequest(name=name), timeout=CALL_SECONDS)
            if job.state >= jobs_pb2.JOB_STATE_SUCCEEDED:
                return job
        raise AssertionError(f"{name} did not end")

    def wait_for_step(self, name: str, step: int) -> jobs_pb2.Job:
        """Waits until a job has made that many steps."""
        request = jobs_pb2.WatchJobRequest(name=name)
        for event in self.jobs.WatchJob(request, timeout=CALL_SECONDS):
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
