"""A latent predicted from a target's embedding, by regression over a bank."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.inversion.batching.chunks import products
from pullback.inversion.problems.problem import Problem
from pullback.inversion.starts.bank import StartBank

# Samples weigh exp(−D / (w D_nearest)).
_WIDTH = 0.5
# Of the mean squared projection, added to the diagonal of the normal equations.
_RIDGE = 1e-2


def predict_latents(bank: StartBank, problem: Problem) -> Float[Tensor, "images n"]:
    """For each target, the latent that a linear regression of latents on embeddings predicts for it.

    The regression is over the bank's projections p, weighted towards the samples that resemble the target (locally
    weighted regression: Cleveland, JASA 1979), with a ridge: W = argmin Σ_s w_s ‖z_s − z_t − W(p_s − p_t)‖² + ρ‖W‖²,
    whose intercept z_t is the prediction. No generator evaluation is made.

    Args:
        bank: Made for the problem's generator, space and distance.
        problem: Whose targets are meant; masks and alignments have no part in it.

    Returns:
        Latents of the problem's space, on its device and in its precision.

    Raises:
        InvalidInputError: The bank is of something else.
    """
    bank.check_serves(problem)
    device = problem.generator.device
    axes, center = bank.axes.to(device, torch.float32), bank.center.to(device)
    projections, latents = bank.projections.to(device).double(), bank.latents.to(device).double()
    folded = torch.cat([bank.folded(problem.embedding(image)) for image in range(problem.images)])
    targets = products(folded - center, axes)
    predicted = []
    for target in targets.double():
        offsets = projections - target
        squared = offsets.square().sum(dim=1)
        nearest = squared.min().clamp_min(torch.finfo(torch.float32).eps)
        weights = torch.exp(-squared / (_WIDTH * nearest))[:, None]
        design = torch.cat([offsets, torch.ones_like(offsets[:, :1])], dim=1)
        normal = design.T @ (weights * design)
        # A target that is a sample has no weight but that sample's: then the ridge alone decides, for W = 0.
        size = (_RIDGE * normal.diagonal()[:-1].mean()).clamp_min(torch.finfo(torch.float64).tiny)
        ridge = size * torch.eye(len(normal), device=device, dtype=torch.float64)
        # The intercept is not drawn to zero.
        ridge[-1, -1] = 0
        solution = torch.linalg.solve(normal + ridge, design.T @ (weights * latents))
        predicted.append(solution[-1])
    return torch.stack(predicted).to(problem.targets)
