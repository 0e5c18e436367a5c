"""The outline walker of many images at once by conjugate gradients: what a GPU is good at.

The same system as `semcolorize.propagation.outline_walker`, without a matrix: neighbors are shifts. Preconditioned by
its diagonal (Hestenes and Stiefel, "Methods of conjugate gradients for solving linear systems", 1952), a fixed number
of steps, so that no step waits for a norm. Gradients come from one more solve, for the system is its own adjoint.
"""

from __future__ import annotations

from typing import Any, cast

import torch

__all__ = ["GridOutlines"]


class GridOutlines:
    """Systems of a batch of images.

    Parameters
    ----------
    across, down : Tensor of shape (B, h, w - 1) and (B, h - 1, w)
        Positive weights between neighbors.
    leak : Tensor of shape ()
        Conductance of every cell to "none".
    steps : int
        Of conjugate gradients. A walker that leaks within so many cells has settled.
    """

    def __init__(self, across: torch.Tensor, down: torch.Tensor, leak: torch.Tensor, *, steps: int = 160) -> None:
        self.across, self.down, self.leak, self.steps = across, down, leak, steps

    def with_steps(self, steps: int) -> GridOutlines:
        """The same systems, solved in so many steps."""
        return GridOutlines(self.across, self.down, self.leak, steps=steps)

    def walk(self, image: torch.Tensor, strength: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """Chances (R, K, h, w) of reaching a seed of each label before leaking to none.

        Parameters
        ----------
        image : int64 Tensor of shape (R,)
            Image of each row.
        strength : Tensor of shape (R, h, w)
            Conductance of each cell to its seed; 0 without one.
        values : Tensor of shape (R, K, h, w)
            Share of each label in the seed.
        """
        system = (self.across, self.down, self.leak)
        return cast("torch.Tensor", _Solve.apply(*system, image, strength, values, self.steps))


class _Solve(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, across: torch.Tensor, down: torch.Tensor, leak: torch.Tensor, image: torch.Tensor,
        strength: torch.Tensor, values: torch.Tensor, steps: int,
    ) -> torch.Tensor:  # fmt: skip
        found = _conjugate_gradients(across, down, leak, image, strength, strength[:, None] * values, steps)
        ctx.save_for_backward(across, down, leak, image, strength, found)
        ctx.steps = steps
        return found

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        across, down, leak, image, strength, found = ctx.saved_tensors
        # d u = -A^-1 dA u, for A u = S y.
        adjoint = _conjugate_gradients(across, down, leak, image, strength, gradient.contiguous(), ctx.steps)
        by_row = (
            -(adjoint.diff(dim=3) * found.diff(dim=3)).sum(dim=1),
            -(adjoint.diff(dim=2) * found.diff(dim=2)).sum(dim=1),
        )
        of_edges = [torch.zeros_like(w).index_add_(0, image, g) for w, g in zip((across, down), by_row, strict=True)]
        return *of_edges, -(adjoint * found).sum().to(leak), None, None, None, None


def _conjugate_gradients(
    across: torch.Tensor, down: torch.Tensor, leak: torch.Tensor, image: torch.Tensor, strength: torch.Tensor,
    right: torch.Tensor, steps: int,
) -> torch.Tensor:  # fmt: skip
    """Solve for `right` (R, K, h, w)."""
    diagonal = leak + torch.zeros((len(across), across.shape[1], down.shape[2]), device=across.device)
    diagonal[:, :, :-1] += across
    diagonal[:, :, 1:] += across
    diagonal[:, :-1] += down
    diagonal[:, 1:] += down
    scale = (diagonal[image] + strength).rsqrt()
    # With a diagonal of ones the system is its own preconditioner.
    aside = (across[image] * scale[:, :, :-1] * scale[:, :, 1:])[:, None]
    below = (down[image] * scale[:, :-1] * scale[:, 1:])[:, None]
    left = right * scale[:, None]
    found = torch.zeros_like(left)
    course = left.clone()
    size = _dot(left, left)
    for _ in range(steps):
        seen = course.clone()
        seen[..., :-1].addcmul_(aside, course[..., 1:], value=-1)
        seen[..., 1:].addcmul_(aside, course[..., :-1], value=-1)
        seen[..., :-1, :].addcmul_(below, course[..., 1:, :], value=-1)
        seen[..., 1:, :].addcmul_(below, course[..., :-1, :], value=-1)
        # What is solved already has no course any more.
        length = size / _dot(course, seen).clamp(min=1e-30)
        found.addcmul_(length, course)
        left.addcmul_(length, seen, value=-1)
        before, size = size, _dot(left, left)
        course.mul_(size / before.clamp(min=1e-30)).add_(left)
    return found * scale[:, None]


def _dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a * b).sum(dim=(2, 3), keepdim=True)
