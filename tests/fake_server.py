"""A Pullback server that computes nothing: real gRPC over a loopback socket, canned answers.

Also a program, `python fake_server.py --listen 127.0.0.1:0 --data DIR`, that behaves as the real server's process does.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import signal
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from google.protobuf import any_pb2, empty_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from PIL import Image

from fake_walks import fake_walks
from pullback_api.pictures import PictureError, decode
from pullback_api.v1 import (
    analysis_pb2,
    generators_pb2,
    generators_pb2_grpc,
    geometry_pb2,
    geometry_pb2_grpc,
    inversion_pb2,
    inversion_pb2_grpc,
    jobs_pb2,
    jobs_pb2_grpc,
    specs_pb2,
    values_pb2,
)

DIM = 5
SIZE = 16
SPACES = {
    "eyes": [
        generators_pb2.LatentSpace(name="noise", dim=3, prior="standard-normal"),
        generators_pb2.LatentSpace(name="class", dim=2, prior="one-hot", labels=["blue", "brown"]),
        generators_pb2.LatentSpace(name="full", dim=DIM, prior="product"),
    ],
    "faces": [generators_pb2.LatentSpace(name="z", dim=DIM, prior="standard-normal")],
}
GENERATORS = [
    generators_pb2.Generator(
        name=f"generators/{name}",
        title=f"pictures of {name}",
        family="fake",
        spaces=spaces,
        channels=3,
        height=SIZE,
        width=SIZE,
        licence="MIT",
        citation="none",
        weights_hash="a" * 64,
        weights_source=f"{name}.pth of {name}==1.0",
        weights_state=values_pb2.WEIGHTS_STATE_HERE,
    )
    for name, spaces in SPACES.items()
]
ALIGNMENT = inversion_pb2.Alignment(scale=0.5, shift_x=0.25, shift_y=-0.25)
"""Where the reconstruction lies in every photograph, where that is asked for."""


NO_IMAGE = "not an image"
# Codes with which a request that is only checked is refused as a real one is.
_OF_THE_REQUEST = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE}


def pack(array: Any, dtype: str = "<f4") -> values_pb2.Tensor:
    array = np.ascontiguousarray(array, dtype=dtype)
    kind = "DATA_TYPE_FLOAT32" if dtype == "<f4" else "DATA_TYPE_FLOAT64"
    return values_pb2.Tensor(dtype=kind, shape=array.shape, data=array.tobytes())


def png(shade: int = 128) -> values_pb2.Image:
    buffer = io.BytesIO()
    Image.new("RGB", (SIZE, SIZE), (shade, shade, shade)).save(buffer, format="PNG")
    return values_pb2.Image(data=buffer.getvalue(), format="IMAGE_FORMAT_PNG", width=SIZE, height=SIZE)


@dataclass
class Failure:
    """An error to answer with, and how often."""

    code: grpc.StatusCode
    message: str = "no"
    violations: tuple[tuple[str, str, str], ...] = ()
    times: int = 1

    def status(self) -> status_pb2.Status:
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        if self.violations:
            request = error_details_pb2.BadRequest()
            for name, description, reason in self.violations:
                request.field_violations.add(field=name, description=description, reason=reason)
            detail = any_pb2.Any()
            detail.Pack(request)
            status.details.append(detail)
        return status


@dataclass
class State:
    """What the server knows; a restart keeps it."""

    calls: list[tuple[str, Any]] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    """Methods that wait and whose caller went away meanwhile."""
    failures: dict[str, Failure] = field(default_factory=dict)
    catalogue_faults: list[Any] = field(default_factory=list)
    jobs: dict[str, jobs_pb2.Job] = field(default_factory=dict)
    events: dict[str, list[jobs_pb2.JobEvent]] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)
    eigenbases: dict[str, geometry_pb2.Eigenbasis] = field(default_factory=dict)
    analyses: dict[str, analysis_pb2.MetricAnalysis] = field(default_factory=dict)
    inversions: dict[str, inversion_pb2.InversionResult] = field(default_factory=dict)
    finish_jobs: bool = True
    """Whether a new job is finished at once, or left running for `advance` and `finish`."""
    finish_later: bool = False
    """Whether new jobs are worked on in the background, a step every 50 ms."""
    job_failure: Failure | None = None
    """How new jobs end, instead of well."""
    failing_jobs: frozenset[str] | None = None
    """Which jobs end so; None = all."""
    changed: threading.Condition = field(default_factory=lambda: threading.Condition(threading.RLock()))
    """Held while a job changes: its state and the event that tells of it appear together."""

    def called(self, method: str) -> list[Any]:
        return [request for name, request in self.calls if name == method]

    def new_job(self, job: jobs_pb2.Job) -> jobs_pb2.Job:
        job.name = f"jobs/{len(self.jobs) + 1}"
        job.state = jobs_pb2.JOB_STATE_QUEUED
        job.create_time.FromSeconds(1_800_000_000 + len(self.jobs))
        self.jobs[job.name], self.events[job.name] = job, []
        self._event(job)
        if self.finish_later:
            threading.Thread(target=self._work, args=(job.name, 0.05)).start()
        elif self.finish_jobs:
            self._work(job.name)
        return job

    def _work(self, name: str, pause: float = 0) -> None:
        for step in range(1, 4):
            time.sleep(pause)
            self.advance(name, step)
        self.finish(name)

    def advance(self, name: str, step: int, *, previews: int = 0) -> None:
        with self.changed:
            job = self.jobs[name]
            job.state = jobs_pb2.JOB_STATE_RUNNING
            job.start_time.FromSeconds(1_800_000_100)
            job.attempts = 1
            job.progress.phase, job.progress.step, job.progress.total = "optimizing", step, 3
            if job.WhichOneof("work") == "invert":
                job.progress.loss = 1.0 / step
            self._event(job, previews)

    def finish(self, name: str) -> None:
        with self.changed:
            job = self.jobs[name]
            job.state = jobs_pb2.JOB_STATE_SUCCEEDED
            if self.job_failure is not None and (self.failing_jobs is None or name in self.failing_jobs):
                job.state = jobs_pb2.JOB_STATE_FAILED
                job.error.CopyFrom(self.job_failure.status())
            job.end_time.FromSeconds(1_800_000_200)
            self._event(job)

    def cancel(self, name: str) -> None:
        with self.changed:
            job = self.jobs[name]
            if job.state <= jobs_pb2.JOB_STATE_RUNNING:
                job.state = jobs_pb2.JOB_STATE_CANCELLED
                self._event(job)

    def _event(self, job: jobs_pb2.Job, previews: int = 0) -> None:
        with self.changed:
            job.last_sequence += 1
            event = jobs_pb2.JobEvent(sequence=job.last_sequence, job=job, previews=[png()] * previews)
            event.time.FromSeconds(1_800_000_000 + job.last_sequence)
            self.events[job.name].append(event)
            self.changed.notify_all()


class _Servicer:
    def __init__(self, state: State) -> None:
        self.state = state

    def enter(self, method: str, request: Any, context: grpc.ServicerContext) -> None:
        """Notes a call, and fails it where a failure is planned.

        Requests that are only checked are noted under another name, `Invert?` for `Invert`; what is wrong with a real
        one is wrong with them too.
        """
        failure = self.state.failures.get(method)
        if getattr(request, "validate_only", False):
            failure = failure if failure is not None and failure.code in _OF_THE_REQUEST else None
            method += "?"
        self.state.calls.append((method, request))
        if failure is not None and failure.times > 0:
            failure.times -= 1
            context.abort_with_status(rpc_status.to_status(failure.status()))

    def found(self, known: dict[str, Any], name: str, context: grpc.ServicerContext) -> Any:
        if name not in known:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no {name!r}; known: {', '.join(known) or 'none'}")
        return known[name]

    def generator(self, name: str, context: grpc.ServicerContext) -> Any:
        return self.found({generator.name: generator for generator in GENERATORS}, name, context)


class Generators(_Servicer, generators_pb2_grpc.GeneratorsServicer):
    def ListGenerators(self, request: Any, context: Any) -> Any:
        self.enter("ListGenerators", request, context)
        page = int(request.page_token or 0)  # one generator a page
        last = page + 1 == len(GENERATORS)
        return generators_pb2.ListGeneratorsResponse(
            generators=[GENERATORS[page]],
            next_page_token="" if last else str(page + 1),
            faults=[] if page else self.state.catalogue_faults,
        )

    def GetGenerator(self, request: Any, context: Any) -> Any:
        self.enter("GetGenerator", request, context)
        return self.generator(request.name, context)

    def SampleLatents(self, request: Any, context: Any) -> Any:
        self.enter("SampleLatents", request, context)
        self.generator(request.generator, context)
        latents = np.random.default_rng(request.seed).standard_normal((request.count, DIM))
        return generators_pb2.SampleLatentsResponse(latents=pack(latents), space=request.space or "z")

    def Render(self, request: Any, context: Any) -> Iterator[Any]:
        self.enter("Render", request, context)
        for index in range(request.latents.shape[0]):
            yield generators_pb2.RenderResponse(index=index, image=png(10 * index))


class Geometry(_Servicer, geometry_pb2_grpc.GeometryServicer):
    def ListDistances(self, request: Any, context: Any) -> Any:
        self.enter("ListDistances", request, context)
        default = geometry_pb2.Distance(
            name="fake-distance",
            title="a distance",
            is_default=True,
            takes=["images"],
            licence="MIT",
            citation="someone",
            weights_hash="b" * 64,
            weights_source="https://example.org/fake.pth",
            weights_state=values_pb2.WEIGHTS_STATE_TO_DOWNLOAD,
            min_side=32,
            max_side=300,
        )
        mse = geometry_pb2.Distance(
            name="mse", takes=["images", "sounds"], weights_state=values_pb2.WEIGHTS_STATE_NOT_NEEDED
        )
        return geometry_pb2.ListDistancesResponse(distances=[default, mse])

    def ComputeEigenbasis(self, request: Any, context: Any) -> Any:
        self.enter("ComputeEigenbasis", request, context)
        self.generator(request.spec.generator, context)
        spec = specs_pb2.EigenbasisSpec()
        spec.CopyFrom(request.spec)
        spec.space, spec.distance = spec.space or "z", spec.distance or "fake-distance"
        spec.method = spec.method or specs_pb2.METRIC_METHOD_SKETCH
        spec.samples = spec.samples or 2000
        key = hashlib.sha256(spec.SerializeToString(deterministic=True)).hexdigest()[:8]
        if key not in self.state.requests and request.validate_only:
            return jobs_pb2.Job(compute_eigenbasis=spec, result=f"{spec.generator}/eigenbases/{key}")
        if key not in self.state.requests:
            name = f"{spec.generator}/eigenbases/{key}"
            self.state.eigenbases[name] = _eigenbasis(name, spec)
            job = self.state.new_job(jobs_pb2.Job(compute_eigenbasis=spec, result=name))
            self.state.requests[key] = job.name
        return self.state.jobs[self.state.requests[key]]

    def GetEigenbasis(self, request: Any, context: Any) -> Any:
        self.enter("GetEigenbasis", request, context)
        return self.found(self.state.eigenbases, request.name, context)

    def ListEigenbases(self, request: Any, context: Any) -> Any:
        self.enter("ListEigenbases", request, context)
        listed = []
        for basis in self.state.eigenbases.values():
            light = geometry_pb2.Eigenbasis()
            light.CopyFrom(basis)
            for name in ("eigenvalues", "eigenvectors", "metric"):
                light.ClearField(name)
            listed.append(light)
        return geometry_pb2.ListEigenbasesResponse(eigenbases=listed)

    def DeleteEigenbasis(self, request: Any, context: Any) -> Any:
        self.enter("DeleteEigenbasis", request, context)
        self.found(self.state.eigenbases, request.name, context)
        del self.state.eigenbases[request.name]
        return empty_pb2.Empty()

    def AnalyzeMetric(self, request: Any, context: Any) -> Any:
        self.enter("AnalyzeMetric", request, context)
        self.generator(request.spec.generator, context)
        spec = specs_pb2.AnalysisSpec()
        spec.CopyFrom(request.spec)
        spec.space, spec.distance = spec.space or "z", spec.distance or "fake-distance"
        spec.positions = spec.positions or 6
        spec.control_positions = spec.control_positions or min(3, spec.positions)
        if not spec.compared_distances:
            spec.compared_distances.extend(["mse", "ssim"])
        key = hashlib.sha256(spec.SerializeToString(deterministic=True)).hexdigest()[:8]
        if key not in self.state.requests:
            name = f"{spec.generator}/analyses/{key}"
            job = self.state.new_job(jobs_pb2.Job(analyze_metric=spec, result=name))
            self.state.analyses[name] = fake_analysis(name, job.name, spec)
            self.state.requests[key] = job.name
        return self.state.jobs[self.state.requests[key]]

    def GetAnalysis(self, request: Any, context: Any) -> Any:
        self.enter("GetAnalysis", request, context)
        analysis = self.found(self.state.analyses, request.name, context)
        if self.state.jobs[analysis.job].state != jobs_pb2.JOB_STATE_SUCCEEDED:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{analysis.job} has not succeeded")
        return analysis

    def ListAnalyses(self, request: Any, context: Any) -> Any:
        self.enter("ListAnalyses", request, context)
        heads = ("name", "spec", "generator_weights_hash", "version", "create_time", "job", "dim")
        listed = [
            analysis_pb2.MetricAnalysis(**{head: getattr(analysis, head) for head in heads})
            for analysis in self.state.analyses.values()
        ]
        return geometry_pb2.ListAnalysesResponse(analyses=reversed(listed))


class Inversion(_Servicer, inversion_pb2_grpc.InversionServicer):
    def Invert(self, request: Any, context: Any) -> Any:
        self.enter("Invert", request, context)
        self.generator(request.settings.generator, context)
        if not 1 <= len(request.targets) <= 256:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"1 to 256 images, but {len(request.targets)} came")
        bad = [number for number, target in enumerate(request.targets) if not _is_image(target)]
        if len(bad) == len(request.targets):
            # As many violations as fit: here, those of the first two.
            violations = tuple((f"targets[{number}].image", f"{NO_IMAGE} ({number})", "") for number in bad[:2])
            failure = Failure(grpc.StatusCode.INVALID_ARGUMENT, "the request cannot be used", violations)
            context.abort_with_status(rpc_status.to_status(failure.status()))
        if request.validate_only:
            checked = jobs_pb2.Job(invert=request.settings)
            checked.invert.space = checked.invert.space or "z"
            if bad:
                violations = tuple((f"targets[{number}].image", f"{NO_IMAGE} ({number})", "") for number in bad)
                checked.error.CopyFrom(Failure(grpc.StatusCode.INVALID_ARGUMENT, "some", violations).status())
            return checked
        if request.request_id not in self.state.requests:
            settings = specs_pb2.InversionSettings()
            settings.CopyFrom(request.settings)
            settings.space, settings.distance = settings.space or "z", settings.distance or "fake-distance"
            settings.steps, settings.restarts = settings.steps or 200, settings.restarts or 4
            settings.top_k = settings.top_k or 1
            name = f"inversions/{len(self.state.inversions) + 1}"
            job = self.state.new_job(jobs_pb2.Job(invert=settings, result=name))
            self.state.inversions[name] = _inversion(name, job.name, settings, list(request.targets))
            self.state.requests[request.request_id] = job.name
        return self.state.jobs[self.state.requests[request.request_id]]

    def GetInversion(self, request: Any, context: Any) -> Any:
        self.enter("GetInversion", request, context)
        return self.found(self.state.inversions, request.name, context)


class Jobs(_Servicer, jobs_pb2_grpc.JobsServicer):
    def GetJob(self, request: Any, context: Any) -> Any:
        self.enter("GetJob", request, context)
        return self.found(self.state.jobs, request.name, context)

    def ListJobs(self, request: Any, context: Any) -> Any:
        self.enter("ListJobs", request, context)
        jobs = [job for job in self.state.jobs.values() if not request.states or job.state in request.states]
        jobs = [job for job in jobs if job.name.removeprefix("jobs/").startswith(request.match)]
        return jobs_pb2.ListJobsResponse(jobs=jobs[::-1][: request.page_size or 100])

    def WatchJob(self, request: Any, context: Any) -> Iterator[Any]:
        self.enter("WatchJob", request, context)
        self.found(self.state.jobs, request.name, context)
        after = request.after_sequence
        while context.is_active():
            with self.state.changed:
                ended = self.state.jobs[request.name].state > jobs_pb2.JOB_STATE_RUNNING
                events = [event for event in self.state.events[request.name] if event.sequence > after]
                if not events and not ended:
                    self.state.changed.wait(0.05)
            for event in events:
                after = event.sequence
                yield event
            if ended:
                return

    def WaitJob(self, request: Any, context: Any) -> Any:
        self.enter("WaitJob", request, context)
        self.found(self.state.jobs, request.name, context)
        end = time.monotonic() + request.timeout.ToTimedelta().total_seconds()
        with self.state.changed:
            job = self.state.jobs[request.name]
            while job.state <= jobs_pb2.JOB_STATE_RUNNING and time.monotonic() < end and context.is_active():
                self.state.changed.wait(0.05)
        if not context.is_active():
            self.state.given_up.append("WaitJob")
        return self.state.jobs[request.name]

    def CancelJob(self, request: Any, context: Any) -> Any:
        self.enter("CancelJob", request, context)
        self.found(self.state.jobs, request.name, context)
        self.state.cancel(request.name)
        return self.state.jobs[request.name]


def _eigenbasis(name: str, spec: specs_pb2.EigenbasisSpec) -> geometry_pb2.Eigenbasis:
    vectors, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((DIM, DIM)))
    values = 2.0 ** -np.arange(DIM)
    basis = geometry_pb2.Eigenbasis(
        name=name,
        spec=spec,
        generator_weights_hash="a" * 64,
        version="0.1.0",
        job="jobs/1",
        dim=DIM,
        eigenvalues=pack(values, "<f8"),
        eigenvectors=pack(vectors, "<f8"),
        metric=pack(vectors @ np.diag(values) @ vectors.T, "<f8"),
    )
    basis.create_time.FromSeconds(1_800_000_000)
    return basis


def fake_analysis(name: str, job: str, spec: specs_pb2.AnalysisSpec) -> analysis_pb2.MetricAnalysis:
    """Numbers of the right shape and kind; the control's spectrum is flatter and its positions agree less."""
    rng = np.random.default_rng(spec.seed)
    spectra = [
        _spectrum(rng, positions, decay) for positions, decay in ((spec.positions, 10.0), (spec.control_positions, 2.0))
    ]
    values = np.frombuffer(spectra[0].mean_metric_eigenvalues.data)
    speeds = rng.dirichlet(np.full(DIM, 0.5), 1000) @ values
    message = analysis_pb2.MetricAnalysis(
        name=name,
        spec=spec,
        generator_weights_hash="a" * 64,
        version="0.1.0",
        job=job,
        dim=DIM,
        method="gram",
        spectrum=spectra[0],
        shuffled_spectrum=spectra[1],
        apparent_speed=analysis_pb2.ApparentSpeed(
            samples=pack(speeds, "<f8"),
            mean=speeds.mean(),
            deviation=speeds.std(),
            expected_mean=values.mean(),
            expected_deviation=float(np.sqrt(2 / (DIM + 2) * values.var())),
        ),
        homogeneity=_homogeneity(rng, spec.positions, 0.9),
        shuffled_homogeneity=_homogeneity(rng, spec.control_positions, 0.5),
        layers=_layers(values),
        shuffled_layers=_layers(np.ones(DIM)),
        axes=[_axis(rank, float(value)) for rank, value in enumerate(values)],
        walks=fake_walks(spec.control_positions),
    )
    for distance in spec.compared_distances:
        figures = ("entry_correlation", "spectrum_correlation", "linear_agreement", "log_agreement", "log_slope")
        message.comparisons.add(
            distance=distance,
            method="full_backprop" if distance == "ssim" else "gram",
            positions=spec.control_positions,
            log_intercept=-0.25,
            **dict(zip(figures, (0.9, 0.91, 0.92, 0.93, 1.04), strict=True)),
        )
    message.create_time.FromSeconds(1_800_000_000)
    return message


def _spectrum(rng: np.random.Generator, positions: int, decay: float) -> analysis_pb2.Spectrum:
    mean = decay ** -np.arange(DIM)
    each = mean * rng.uniform(0.5, 2.0, (positions, 1))
    dims = [
        analysis_pb2.DimsFor(fraction=fraction, mean_metric=number, mean=number - 0.25, deviation=0.5)
        for number, fraction in enumerate((0.99, 0.999, 0.9999, 0.99999), start=2)
    ]
    return analysis_pb2.Spectrum(
        mean_metric_eigenvalues=pack(mean, "<f8"),
        eigenvalues=pack(each, "<f8"),
        dims=dims,
        effective_rank=mean.sum(),
        condition_number=mean[0] / mean[-1],
    )


def _homogeneity(rng: np.random.Generator, positions: int, level: float) -> analysis_pb2.Homogeneity:
    log = np.clip(rng.normal(level, 0.05, (positions, positions)), -1, 1)
    np.fill_diagonal(log, 1)
    return analysis_pb2.Homogeneity(
        linear=pack(log**2, "<f8"),
        log=pack(log, "<f8"),
        linear_mean=level**2,
        linear_deviation=0.1,
        log_mean=level,
        log_deviation=0.05,
    )


def _layers(values: Any) -> list[analysis_pb2.LayerAmplification]:
    return [
        analysis_pb2.LayerAmplification(layer=name, amplification=pack(values * gain, "<f8"))
        for name, gain in (("stem", 1.0), ("block 1", 10.0), ("image", 50.0))
    ]


def _axis(rank: int, eigenvalue: float) -> analysis_pb2.AxisStrip:
    steps = np.linspace(-3, 3, 5)
    return analysis_pb2.AxisStrip(
        rank=rank,
        eigenvalue=eigenvalue,
        steps=pack(steps, "<f8"),
        distances=pack(eigenvalue * steps**2, "<f8"),
        frames=[png(int(128 + 30 * step)) for step in steps],
    )


def _is_image(target: inversion_pb2.Target) -> bool:
    try:
        decode(target.image.data)
    except PictureError:
        return False
    return True


def _inversion(
    name: str, job: str, settings: specs_pb2.InversionSettings, targets: list[inversion_pb2.Target]
) -> inversion_pb2.InversionResult:
    shape = (settings.restarts, settings.steps + 1)
    # Falls with the steps; the last restart is the best.
    trace = 1.0 / (1 + np.arange(shape[1])) + 0.1 * np.arange(shape[0], 0, -1)[:, None]
    result = inversion_pb2.InversionResult(
        name=name, settings=settings, generator_weights_hash="a" * 64, version="0.1.0", job=job, compute_seconds=1.5
    )
    result.create_time.FromSeconds(1_800_000_000)
    if settings.thin:
        trace[:-1, shape[1] // 2 :] = np.nan
    for index, target in enumerate(targets):
        if not _is_image(target):
            error = Failure(grpc.StatusCode.INVALID_ARGUMENT, NO_IMAGE, ((f"targets[{index}].image", NO_IMAGE, ""),))
            result.results.add(label=target.label, error=error.status())
            continue
        latents = np.full((shape[0], DIM), float(index))
        best = float(np.nanmin(trace))
        found = result.results.add(
            label=target.label,
            latent=pack(latents[0]),
            image=png(50 + index),
            target=png(200),
            distance=best,
            loss=2 * best,
            best_restart=shape[0] - 1,
            best_step=shape[1] - 1,
            distance_trace=pack(trace),
            loss_trace=pack(2 * trace),
            restart_latents=pack(latents),
            evaluations=int(np.isfinite(trace).sum()),
        )
        for rank in range(min(settings.top_k, settings.restarts)):
            solution = found.solutions.add(
                latent=pack(latents[0] + rank),
                image=png(50 + index + rank),
                distance=best + 0.1 * rank,
                loss=2 * (best + 0.1 * rank),
                restart=shape[0] - 1 - rank,
                step=shape[1] - 1,
                class_label=(target.class_label or "blue") if settings.generator == "generators/eyes" else "",
            )
            if settings.HasField("alignment"):
                solution.alignment.CopyFrom(ALIGNMENT)
        if settings.HasField("alignment"):
            found.aligned_target.CopyFrom(png(220))
    return result


class FakeServer:
    """The server, from `start` (or `with`) to `stop`; `restart` keeps its port and its state."""

    def __init__(self) -> None:
        self.state = State()
        self.port = 0
        self._server: grpc.Server | None = None

    def __enter__(self) -> FakeServer:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self, address: str | None = None) -> None:
        size = 64 * 1024 * 1024
        self._server = grpc.server(
            futures.ThreadPoolExecutor(64),
            options=[("grpc.max_receive_message_length", size), ("grpc.max_send_message_length", size)],
        )
        self.add_services(self._server)
        self.port = self._server.add_insecure_port(address or self.target)
        self._server.start()

    def add_services(self, server: grpc.Server) -> None:
        generators_pb2_grpc.add_GeneratorsServicer_to_server(Generators(self.state), server)
        geometry_pb2_grpc.add_GeometryServicer_to_server(Geometry(self.state), server)
        inversion_pb2_grpc.add_InversionServicer_to_server(Inversion(self.state), server)
        jobs_pb2_grpc.add_JobsServicer_to_server(Jobs(self.state), server)

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop(grace=None).wait()
            self._server = None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", required=True)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--die", action="store_true")
    arguments = parser.parse_args()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    if arguments.die:
        raise SystemExit("there is no room left on the disk")
    arguments.data.mkdir(parents=True, exist_ok=True)
    server = FakeServer()
    server.start(arguments.listen)
    print(f"pullback-server listening on {server.target}", flush=True)  # noqa: T201
    while not ended.wait(0.2):
        pass
    server.stop()
    (arguments.data / "stopped").touch()


if __name__ == "__main__":
    main()
