"""The demo: a real photograph inverted by plain Adam, by Hessian Adam and by the default, on a server of its own."""

from __future__ import annotations

from pullback_client.demo.run import run_demo

__all__ = ["run_demo"]
