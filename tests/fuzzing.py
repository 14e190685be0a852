"""Structure-aware fuzzing of a live server: requests that are nearly right, over gRPC and over HTTP.

Everything that is sent follows from a seed and a number: `Fuzzer(seed).attempt(number)` is the same at any time.
"""

from __future__ import annotations

import io
import json
import random
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx
import numpy as np
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from PIL import Image

from live_server import LiveServer
from pullback_api.v1 import jobs_pb2, values_pb2
from pullback_server.contract import DESCRIPTORS
from tiny import DIM, SIZE

METHODS: dict[str, MethodDescriptor] = {
    f"{service.full_name}/{method.name}": method for service in DESCRIPTORS for method in service.methods
}
FAULTY = {"UNKNOWN", "INTERNAL"}
# What a request may be told, beside what is wrong with its fields; data is not lost, and no method is missing.
CANONICAL = {
    *("OK", "INVALID_ARGUMENT", "OUT_OF_RANGE", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "ABORTED"),
    *("UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "UNAVAILABLE"),
}
# What a field at fault is called where the request as a whole cannot be read.
_WHOLE = {"body", "request"}
CALL_SECONDS = 60.0
# Streams are left after their first message, or so many seconds without one.
STREAM_SECONDS = 2.0
# What goes on where the fuzzer is not: the longest that a worker is asked to be at something.
_MOST = {"steps": 3, "restarts": 2, "samples": 200, "count": 8, "frames": 6, "positions": 3, "population": 8}

_TEXTS = [
    "generators/tiny",
    "generators/-",
    "generators/none",
    "generators/tiny/eigenbases/none",
    "generators/tiny/analyses/none",
    "generators/tiny/directions/none",
    "inversions/none",
    "jobs/none",
    "sessions/none",
    "generators/tiny/tunings/none",
    "keys/none",
    "keys/-",
    "z",
    "mse",
    "st-lpips-alex",
    "lpips-timm:resnet18@/etc/passwd",
    "",
    " ",
    "é" * 40,
    "😀\u202e\0",
    "../../etc/passwd",
    "'; DROP TABLE jobs; --",
    "%",
    "a" * 300,
    "a" * 5_000,
]
_NUMBERS = [0, 1, 2, 3, -1, 7, 8, 16, 100, 101, 1_000, 4_097, 65_536, 2**31 - 1, -(2**31)]
_FLOATS = [0.0, 1.0, -1.0, 0.5, 1e-9, 1e9, 1e100, 1e308, float("nan"), float("inf"), float("-inf"), -0.0]


def _png(side: int = SIZE) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(side).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


_PICTURE = _png()
_BOMB = b"RIFF\x1a\0\0\0WEBPVP8L\x0e\0\0\0\x2f" + struct.pack("<I", 7_999 | 7_998 << 14) + bytes(9)


@dataclass(frozen=True)
class Attempt:
    """One request.

    Attributes:
        number: Its number.
        method: `package.Service/Method`.
        over: `gRPC`, `JSON` or `proto` (over HTTP).
        data: Its bytes.
    """

    number: int
    method: str
    over: str
    data: bytes


@dataclass
class Answer:
    """What came back.

    Attributes:
        attempt: The request.
        code: Status, by gRPC's name.
        message: What the server said.
        fields: Paths of the fields at fault.
        seconds: How long it took.
        made: Names of jobs that were begun.
    """

    attempt: Attempt
    code: str
    message: str = ""
    fields: tuple[str, ...] = ()
    seconds: float = 0.0
    made: list[str] = field(default_factory=list)


class Fuzzer:
    """Makes requests.

    Args:
        seed: What they follow from.
        known: Names of resources that there are.
    """

    def __init__(self, seed: int, known: tuple[str, ...] = ()) -> None:
        self._seed = seed
        self._texts = [*_TEXTS, *known, *known]

    def attempt(self, number: int) -> Attempt:
        """The request of that number."""
        rng = random.Random(f"{self._seed} {number}")
        names = sorted(METHODS)
        name = names[number % len(names)]
        method = METHODS[name]
        over = "gRPC" if method.server_streaming else rng.choice(["gRPC", "gRPC", "JSON", "JSON", "proto"])
        message = self._message(GetMessageClass(method.input_type)(), rng, 0)
        _calm(message)
        if over == "JSON":
            return Attempt(number, name, over, self._json(message, rng))
        data = message.SerializeToString()
        if rng.random() < 0.15:
            data = _mutated(data, rng)
        return Attempt(number, name, over, data)

    def _message(self, message: Message, rng: random.Random, depth: int) -> Message:
        if isinstance(message, values_pb2.Tensor) and rng.random() < 0.7:
            return _fill_tensor(message, rng)
        for each in message.DESCRIPTOR.fields:
            if rng.random() < 0.35 - 0.04 * depth:
                continue
            entry = each.message_type is not None and each.message_type.GetOptions().map_entry
            if entry:
                getattr(message, each.name).update(
                    {self._text(rng)[:99]: self._text(rng) for _ in range(rng.choice((0, 1, 3)))}
                )
            elif each.is_repeated:
                self._fill_repeated(message, each, rng, depth)
            elif each.message_type is not None:
                if depth < 5:
                    part = getattr(message, each.name)
                    part.SetInParent()
                    self._message(part, rng, depth + 1)
            else:
                setattr(message, each.name, self._value(each, rng))
        return message

    def _fill_repeated(self, message: Message, each: FieldDescriptor, rng: random.Random, depth: int) -> None:
        count = rng.choice((0, 1, 1, 1, 2, 3, 17))
        if rng.random() < 0.02:
            count = 3_000
        for _ in range(count if depth < 2 else min(count, 3)):
            if each.message_type is not None:
                self._message(getattr(message, each.name).add(), rng, depth + 1)
            else:
                getattr(message, each.name).append(self._value(each, rng))

    def _text(self, rng: random.Random) -> str:
        # What is right is tried most, so that the rest of the request is looked at too.
        return rng.choice(self._texts[:1] * 4 + self._texts) if rng.random() < 0.8 else rng.choice(("z", "mse", ""))

    def _value(self, each: FieldDescriptor, rng: random.Random) -> Any:
        if each.enum_type is not None:
            known = [value.number for value in each.enum_type.values]
            return rng.choice([*known, *known, 99, -1])
        if each.type == FieldDescriptor.TYPE_STRING:
            return self._name_for(each, rng)
        if each.type == FieldDescriptor.TYPE_BYTES:
            return _file(rng)
        if each.type == FieldDescriptor.TYPE_BOOL:
            return rng.random() < 0.5
        if each.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
            return rng.choice(_FLOATS)
        return rng.choice(_NUMBERS[:4] * 3 + _NUMBERS)

    def _name_for(self, each: FieldDescriptor, rng: random.Random) -> str:
        usual = {"generator": "generators/tiny", "parent": "generators/tiny", "space": "z", "distance": "mse"}
        if each.name in usual and rng.random() < 0.85:
            return usual[each.name]
        if each.name in {"class_label", "eigenbasis", "page_token", "layer", "request_id"} and rng.random() < 0.7:
            return ""
        return self._text(rng)

    def _json(self, message: Message, rng: random.Random) -> bytes:
        try:
            value = json_format.MessageToDict(message, preserving_proto_field_name=True)
        except (ValueError, json_format.SerializeToJsonError):
            value = {}  # a duration out of range has no JSON
        if rng.random() < 0.4:
            value = _disturbed(value, rng)
        data = json.dumps(value).encode()
        return _mutated(data, rng) if rng.random() < 0.15 else data


def _calm(message: Message) -> None:
    """Keeps what would be right, and long, short: the server is asked, not its worker."""
    for each, value in message.ListFields():
        if each.message_type is not None and each.message_type.full_name == "google.protobuf.Duration":
            if 1 < value.seconds <= 3_600:
                value.seconds = 1
        elif each.message_type is not None and not each.message_type.GetOptions().map_entry:
            for part in value if each.is_repeated else [value]:
                _calm(part)
        elif each.name in _MOST and not each.is_repeated and _MOST[each.name] < value < 10_000_000:
            setattr(message, each.name, _MOST[each.name])


def _fill_tensor(tensor: values_pb2.Tensor, rng: random.Random) -> values_pb2.Tensor:
    shape = rng.choice([(DIM,), (1, DIM), (3, DIM), (2, DIM + 1), (0, DIM), (), (2, 2, 2), (2**31 - 1, 2**31 - 1)])
    count = int(np.prod(shape)) if np.prod(shape, dtype=float) < 1_000 else 4
    kind = rng.choice(["<f4", "<f8"])
    values = np.full(count, rng.choice(_FLOATS if rng.random() < 0.2 else [0.1, -1.0]))
    with np.errstate(over="ignore"):
        tensor.data = values.astype(kind).tobytes()[: None if rng.random() < 0.9 else -1]
    tensor.shape.extend(shape)
    tensor.dtype = rng.choice([1, 2]) if rng.random() < 0.1 else 1 + (kind == "<f8")  # type: ignore[assignment]
    return tensor


def _file(rng: random.Random) -> bytes:
    match rng.randrange(6):
        case 0:
            return b""
        case 1:
            return rng.randbytes(rng.choice((1, 30, 3_000)))
        case 2:
            return _mutated(_PICTURE, rng)
        case 3:
            return _PICTURE[: rng.randrange(len(_PICTURE))]
        case 4:
            return _BOMB
    return _PICTURE


def _mutated(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        place = rng.randrange(len(changed) + 1)
        match rng.randrange(3):
            case 0 if place < len(changed):
                changed[place] = rng.randrange(256)
            case 1:
                changed[place:place] = rng.randbytes(rng.choice((1, 4)))
            case _:
                del changed[place : place + rng.choice((1, 4, 40))]
    return bytes(changed)


def _disturbed(value: Any, rng: random.Random) -> Any:
    """JSON with something else in the place of one of its values."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.3:
        return rng.choice([None, [], {}, [[]], "", "x", -1, 1.5, True, 10**30, [None, 1], {"a": {}}, "AA==", "!"])
    if isinstance(value, list):
        place = rng.randrange(len(value))
        return [*value[:place], _disturbed(value[place], rng), *value[place + 1 :]]
    name = rng.choice(sorted(value))
    if rng.random() < 0.1:
        return {**value, f"{name}_": 1}
    return {**value, name: _disturbed(value[name], rng)}


class Sender:
    """Sends requests to a live server that speaks HTTP too.

    Args:
        server: The server.
        tokens: With which they come: every round of all methods with the next; by default the server's own.
    """

    def __init__(self, server: LiveServer, tokens: Sequence[str] = ()) -> None:
        self._server = server
        self._channels = [server.connect(token=token) for token in tokens or (server.token,)]
        self._clients = [
            httpx.Client(
                base_url=server.http,
                headers={"Authorization": f"Bearer {token}"},
                timeout=CALL_SECONDS,
                trust_env=False,
                verify=server.ca,
            )
            for token in tokens or (server.token,)
        ]

    def send(self, attempt: Attempt) -> Answer:
        """Sends one."""
        began = time.monotonic()
        turn = attempt.number // len(METHODS) % len(self._channels)
        if attempt.over == "gRPC":
            answer = self._over_grpc(attempt, self._channels[turn])
        else:
            answer = self._over_http(attempt, self._clients[turn])
        answer.seconds = time.monotonic() - began
        return answer

    def cancel(self, job: str) -> None:
        """Ends what an attempt has begun."""
        data = jobs_pb2.CancelJobRequest(name=job).SerializeToString()
        self._over_grpc(Attempt(-1, "pullback_api.v1.Jobs/CancelJob", "gRPC", data), self._server.channel)

    def close(self) -> None:
        """Closes what it has opened."""
        for opened in (*self._channels, *self._clients):
            opened.close()

    def _over_grpc(self, attempt: Attempt, channel: grpc.Channel) -> Answer:
        method = METHODS[attempt.method]
        try:
            if method.server_streaming:
                return self._first_of(attempt, channel)
            made = channel.unary_unary(f"/{attempt.method}", request_serializer=None)(
                attempt.data, timeout=CALL_SECONDS
            )
        except grpc.RpcError as error:
            return _refused(attempt, error)
        jobs = [jobs_pb2.Job.FromString(made).name] if method.output_type.name == "Job" else []
        return Answer(attempt, "OK", made=jobs)

    def _first_of(self, attempt: Attempt, channel: grpc.Channel) -> Answer:
        # Nothing may happen for as long as anybody watches.
        quiet = attempt.method.partition("/")[2].startswith("Watch")
        call = channel.unary_stream(f"/{attempt.method}", request_serializer=None)(
            attempt.data, timeout=STREAM_SECONDS if quiet else CALL_SECONDS
        )
        try:
            next(iter(call), None)
        except grpc.RpcError as error:
            if quiet and error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                return Answer(attempt, "OK")
            return _refused(attempt, error)
        finally:
            call.cancel()
        return Answer(attempt, "OK")

    def _over_http(self, attempt: Attempt, client: httpx.Client) -> Answer:
        kind = "application/json" if attempt.over == "JSON" else "application/proto"
        try:
            answer = client.post(f"/{attempt.method}", content=attempt.data, headers={"Content-Type": kind})
        except httpx.TransportError as error:
            # Found with the rest, by its request: the others are sent all the same.
            return Answer(attempt, "BROKEN", repr(error))
        if answer.status_code == 200:
            jobs = []
            if METHODS[attempt.method].output_type.name == "Job":
                read = jobs_pb2.Job()
                if attempt.over == "JSON":
                    json_format.Parse(answer.content, read)
                else:
                    read.ParseFromString(answer.content)
                jobs = [read.name]
            return Answer(attempt, "OK", made=jobs)
        error = answer.json()
        fields = tuple(each["field"] for each in error["fields"])
        return Answer(attempt, error["code"].upper(), error["message"], fields)


def _refused(attempt: Attempt, error: grpc.RpcError) -> Answer:
    assert isinstance(error, grpc.Call)
    status, fields = rpc_status.from_call(error), []
    for detail in () if status is None else status.details:
        bad_request = error_details_pb2.BadRequest()
        if detail.Unpack(bad_request):
            fields += [violation.field for violation in bad_request.field_violations]
    return Answer(attempt, error.code().name, error.details() or "", tuple(fields))


def fault_of(answer: Answer) -> str:
    """What is wrong with an answer; empty where it is canonical, says something and names the field at fault."""
    if answer.code not in CANONICAL:
        return f"{answer.code} is no answer to a request"
    if answer.code == "OK":
        return ""
    if not answer.message:
        return f"{answer.code} without a word"
    if answer.code == "INVALID_ARGUMENT" and not answer.fields:
        return "INVALID_ARGUMENT names no field"
    request = METHODS[answer.attempt.method].input_type
    # In JSON there are fields that the contract does not have: those are what is wrong.
    wrong = [field for field in answer.fields if answer.attempt.over != "JSON" and not _has(request, field)]
    return f"{request.name} has no {wrong[0]!r}" if wrong else ""


def _has(message: Descriptor, path: str) -> bool:
    """Whether a message has a field of that path, such as `targets[2].image`."""
    if path in _WHOLE:
        return True
    name, _, rest = path.partition(".")
    field = message.fields_by_name.get(name.partition("[")[0])
    if field is None or ("[" in name and not field.is_repeated):
        return False
    if not rest or field.message_type is None or field.message_type.GetOptions().map_entry:
        # Keys of a map are its client's own.
        return not rest or field.message_type is not None
    return _has(field.message_type, rest)


def faults_of(answers: list[Answer], within: float) -> dict[int, str]:
    """What is wrong with answers, by the numbers of their requests: see `fault_of`; or that they came late."""
    found = {answer.attempt.number: fault_of(answer) for answer in answers}
    late = {each.attempt.number: f"after {each.seconds:.1f} s" for each in answers if each.seconds > within}
    return {number: fault for number, fault in {**found, **late}.items() if fault}
