"""Tables of a report: what was found for each photograph, and why some failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pullback_client.inversion.result import Inversion, InversionFailure
from pullback_client.report.inversion.summary import method_of
from pullback_client.report.parts import Table, number


def photographs(found: Sequence[Inversion]) -> Table:
    """Distance, loss and work for each photograph; class and alignment where they were looked for."""
    columns: dict[str, Callable[[Inversion], str]] = {
        "distance": lambda inversion: number(inversion.distance),
        "loss": lambda inversion: number(inversion.loss),
        "evaluations": lambda inversion: f"{inversion.evaluations:,}",
        "restart": lambda inversion: str(inversion.best_restart),
        "update": lambda inversion: str(inversion.best_step),
    }
    if any(inversion.class_label for inversion in found):
        columns["class"] = lambda inversion: inversion.class_label
    if any(inversion.alignment is not None for inversion in found):
        columns["scale; shift right, down"] = _place
    settings = found[0].settings
    return Table(
        title="Photograph by photograph",
        caption=(
            f"Distance: {settings['distance']} between the reconstruction and the photograph as it was compared. Loss: "
            "the weighted loss, which was minimized. Evaluations: how often the generator drew for this photograph. "
            "Restart and update: which restart found the best latent, and after how many updates. Method "
            f"{method_of(settings)}, seed {settings['seed']}."
        ),
        head=("photograph", *columns),
        rows=tuple(
            (f"{position} {inversion.label}".rstrip(), *(cell(inversion) for cell in columns.values()))
            for position, inversion in enumerate(found, start=1)
        ),
    )


def failures(failed: Sequence[InversionFailure]) -> Table:
    """Why photographs failed."""
    return Table(
        title="Failed",
        caption="Photographs without a result, and why. The others' results do not depend on them.",
        head=("photograph", "reason"),
        rows=tuple((failure.label or "–", failure.error.message) for failure in failed),
    )


def _place(inversion: Inversion) -> str:
    if (alignment := inversion.alignment) is None:
        return "–"
    return f"{number(alignment.scale)}; {number(alignment.shift_x)}, {number(alignment.shift_y)}"
