"""A PsychoPy experiment that evolves its stimuli: run it, and replace `respond` by your amplifier.

    pullback serve
    python psychopy_evolution.py --generator faces --generations 20

Where PsychoPy is installed, images appear in its window. Elsewhere, and with --headless, the screen is simulated and
nothing waits. The observer is simulated in both cases: a cell that likes bright, warm images, with Poisson spikes and
the odd broken fixation.

Frame timing never touches the network: the images of a block are fetched before its first trial begins, and the scores
are told after its last.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from PIL import Image
from rich.console import Console

from pullback_client import Batch, Client, EvolutionSession, TrialResult

SHOWN_SECONDS, BLANK_SECONDS = 0.1, 0.15
BROKEN = 0.05  # share of trials in which the observer looks away

console = Console()


class Screen(Protocol):
    """Where images appear."""

    def show(self, image: Image.Image) -> float:
        """Shows an image for `SHOWN_SECONDS`, then grey; returns its onset in seconds of the experiment's clock."""
        ...

    def close(self) -> None:
        """Takes the window away."""
        ...


class PsychoPyScreen:
    """A window of PsychoPy."""

    def __init__(self) -> None:
        from psychopy import core, visual  # noqa: PLC0415  (not everywhere)

        self._core = core
        self._clock = core.Clock()
        self._window = visual.Window(fullscr=True, color=(0, 0, 0), units="height")
        self._stimulus = visual.ImageStim(self._window, size=0.5)

    def show(self, image: Image.Image) -> float:
        """See `Screen.show`."""
        self._stimulus.image = image
        self._stimulus.draw()
        self._window.flip()  # returns with the frame on which the image appears
        onset: float = self._clock.getTime()
        self._core.wait(SHOWN_SECONDS)
        self._window.flip()
        self._core.wait(BLANK_SECONDS)
        return onset

    def close(self) -> None:
        """See `Screen.close`."""
        self._window.close()


class SimulatedScreen:
    """No window, and a clock that goes on without waiting."""

    def __init__(self) -> None:
        self._now = 0.0

    def show(self, image: Image.Image) -> float:
        """See `Screen.show`."""
        del image
        onset = self._now
        self._now += SHOWN_SECONDS + BLANK_SECONDS
        return onset

    def close(self) -> None:
        """See `Screen.close`."""


class Observer:
    """A simulated cell: its rate rises with the red and the brightness of the middle of an image.

    Args:
        seed: Of its spikes and of its attention.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def respond(self, image: Image.Image) -> float | None:
        """Spikes of a trial; None where the observer looked away."""
        if self._rng.random() < BROKEN:
            return None
        pixels = np.asarray(image.convert("RGB").resize((8, 8)), np.float64)[2:6, 2:6] / 255.0
        drive = pixels[..., 0].mean() - 0.5 * pixels[..., 2].mean()
        return float(self._rng.poisson(20.0 * np.exp(drive)))


def run_block(batch: Batch, screen: Screen, observer: Observer) -> Iterator[TrialResult]:
    """Shows a block, trial by trial, and says what became of each."""
    images = batch.images  # fetched now, before anything is shown
    for trial, image in zip(batch, images, strict=True):
        onset = screen.show(image)
        # A trial without a score is no bad score: the session shows the image again.
        yield TrialResult(trial.id, trial.image_id, score=observer.respond(image), t_onset=onset)


def run(session: EvolutionSession, screen: Screen, observer: Observer) -> None:
    """Runs the session to its end, block by block."""
    for number, batch in enumerate(session):
        results: list[TrialResult] = []
        try:
            for result in run_block(batch, screen, observer):
                results.append(result)
        finally:
            # After Escape, or a crash, what was shown is kept, and what was not can be asked for again at once.
            rest = [TrialResult(trial.id, outcome="abandoned") for trial in batch[len(results) :]]
            session.tell([*results, *rest])
        spikes = [result.score for result in results if result.score is not None]
        mean = f"{np.mean(spikes):.1f} spikes" if spikes else "no spikes"
        console.print(f"block {number}: {len(batch)} trials, {mean}", highlight=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """The experiment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", default="faces")
    parser.add_argument("--optimizer", default="hessian_gp")
    parser.add_argument("--generations", type=int, default=20)
    parser.add_argument("--session", help="a session to go on with, after a crash or a break")
    parser.add_argument("--target", help="address of the server")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="folder for the session's data")
    parser.add_argument("--headless", action="store_true", help="simulate the screen")
    options = parser.parse_args(arguments)

    headless = options.headless or importlib.util.find_spec("psychopy") is None
    with Client(options.target) as client:
        if options.session:
            session = client.get_session(options.session)
        else:
            session = client.evolve(
                options.generator,
                optimizer=options.optimizer,
                max_generations=options.generations,
                seed=options.seed,
                title="PsychoPy evolution",
                notes={"screen": "simulated" if headless else "PsychoPy", "subject": "simulated observer"},
            )
        console.print(f"{session.name}, screen {'simulated' if headless else 'by PsychoPy'}", highlight=False)
        screen: Screen = SimulatedScreen() if headless else PsychoPyScreen()
        try:
            run(session, screen, Observer(options.seed))
        finally:
            screen.close()
        best = session.best()
        if best is not None:
            console.print(f"best: {best.image_id}, {best.score:g} spikes", highlight=False)
        if options.out:
            session.export(options.out)


if __name__ == "__main__":
    main()
