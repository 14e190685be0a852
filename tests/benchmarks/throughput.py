"""Images per second that a live server inverts."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image
from torch import Tensor

from pullback_client import Client

EVALUATIONS = 120
SECONDS = 25.0


def images_per_second(generator: str, images: Tensor, clients: int) -> float:
    """What so many clients get together, each with one photograph a request and the next when it has its result.

    Args:
        generator: Name of the generator.
        images: Photographs in [0, 1], shape (n, 3, H, W).
        clients: How many clients.
    """
    pictures = [
        Image.fromarray((255 * image).round().byte().movedim(0, -1).numpy().astype(np.uint8)) for image in images
    ]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pullback_server", "--listen", "127.0.0.1:0", "--data", folder]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            match = re.search(r"listening on (\S+)", server.stdout.readline())
            assert match is not None
            target = match[1]
            with Client(target) as first:
                # The eigenbasis and the bank are made, and the worker has loaded its networks.
                first.invert(pictures[0], generator, evaluations=EVALUATIONS, progress=False)
            began = time.perf_counter()

            def work(number: int) -> int:
                done = 0
                with Client(target) as client:
                    while time.perf_counter() - began < SECONDS:
                        picture = pictures[(number + done) % len(pictures)]
                        client.invert(picture, generator, evaluations=EVALUATIONS, seed=done, progress=False)
                        done += 1
                return done

            with ThreadPoolExecutor(clients) as pool:
                done = sum(pool.map(work, range(clients)))
            return done / (time.perf_counter() - began)
        finally:
            server.terminate()
            server.wait()
