"""Generates the Python stubs of the contract, or checks that the committed ones are what it would generate.

python protos/generate.py            write pullback_api/v1/*_pb2*.py and .pyi
python protos/generate.py --check    exit 1 where they differ, naming the files
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent
PACKAGE = "pullback_api/v1"


def compile_protos(*outputs: str) -> None:
    """Runs protoc on every `.proto`.

    Args:
        *outputs: Its options for what it is to write, and where to.
    """
    import google.rpc  # noqa: PLC0415  (its folder holds google/rpc/status.proto)

    include = [
        ROOT,
        Path(grpc_tools.__file__).parent / "_proto",
        Path(next(iter(google.rpc.__path__))).parents[1],
    ]
    protos = sorted(str(p.relative_to(ROOT)) for p in (ROOT / PACKAGE).glob("*.proto"))
    status = protoc.main(["protoc", *(f"--proto_path={path}" for path in include), *outputs, *protos])
    if status != 0:
        raise SystemExit(status)


def generate(out: Path) -> None:
    """Writes the stubs of every `.proto` below `out`."""
    compile_protos(f"--python_out={out}", f"--pyi_out={out}", f"--grpc_python_out={out}")


def differing(generated: Path) -> list[str]:
    """Names of stubs that are missing, stale or left over, against those below `generated`."""

    def stubs(root: Path) -> dict[str, str]:
        return {str(p.relative_to(root)): p.read_text() for p in (root / PACKAGE).glob("*_pb2*.py*")}

    fresh, committed = stubs(generated), stubs(ROOT)
    return sorted(name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name))


def main() -> int:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    if not parser.parse_args().check:
        generate(ROOT)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        stale = differing(Path(folder))
    if stale:
        sys.stderr.write(f"stale stubs, run `make protos`: {', '.join(stale)}\n")
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
