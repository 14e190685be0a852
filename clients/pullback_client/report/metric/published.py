"""Published rows of Table 3 that are of pictures: Wang & Ponce, ICLR 2021, appendix A.5, p. 15."""

from __future__ import annotations

from dataclasses import dataclass

PUBLISHED_LATENTS = 100


@dataclass(frozen=True)
class PublishedRow:
    """One row, as printed.

    Attributes:
        generator: The generator, as the paper names it.
        other: The distance that LPIPS is set against.
        figures: Mean and standard deviation over `PUBLISHED_LATENTS` latents of "H corr", "eigval corr", "C^H lin",
            "C^H log", "slope" and "intercept".
    """

    generator: str
    other: str
    figures: tuple[tuple[float, float], ...]


def _row(generator: str, other: str, *figures: float) -> PublishedRow:
    return PublishedRow(generator, other, tuple(zip(figures[::2], figures[1::2], strict=True)))


TABLE_3 = (
    _row("BigGAN", "mse", 0.973, 0.033, 0.995, 0.008, 0.996, 0.014, 0.999, 0.001, 1.01, 0.03, 1.47, 0.22),
    _row("PGGAN", "mse", 0.938, 0.047, 0.987, 0.016, 0.987, 0.038, 0.999, 0.000, 1.02, 0.02, 1.75, 0.19),
    _row("StyleGAN2", "mse", 0.945, 0.035, 0.989, 0.011, 0.990, 0.020, 0.987, 0.011, 1.13, 0.16, 1.32, 0.34),
    _row("BigGAN", "ssim", 0.988, 0.012, 0.997, 0.003, 0.999, 0.002, 0.999, 0.001, 1.06, 0.02, -0.40, 0.07),
    _row("PGGAN", "ssim", 0.970, 0.020, 0.993, 0.009, 0.997, 0.007, 0.999, 0.000, 1.06, 0.01, -0.23, 0.11),
    _row("StyleGAN2", "ssim", 0.945, 0.047, 0.987, 0.015, 0.988, 0.027, 0.991, 0.008, 1.08, 0.18, -0.17, 0.26),
)
