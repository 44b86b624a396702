"""Dice and cross-entropy of several answers, at full resolution and for the coarse head."""

import torch
from torch import Tensor
from torch.nn import functional as F

SMALL = 20.0  # voxels: a target's soft Dice counts s / (s + SMALL), so that an empty one has none


def dice_loss(logits: Tensor, truth: Tensor, small: float = SMALL) -> Tensor:
    """One minus the soft Dice of each answer, ``[N, A]``, by how much there is to find."""
    p = torch.sigmoid(logits)
    axes = (2, 3, 4)
    size = truth.sum(axes)
    each = 1 - (2 * (p * truth).sum(axes) + 1.0) / (p.sum(axes) + size + 1.0)
    return each * size / (size + small)


def cross_entropy(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Weighted binary cross-entropy of each answer, ``[N, A]``."""
    each = F.binary_cross_entropy_with_logits(logits, truth.expand_as(logits), reduction="none")
    axes = (2, 3, 4)
    return (each * weight).sum(axes) / weight.sum(axes)


def total(
    fine: Tensor, coarse: Tensor, quality: Tensor, truth: Tensor, weight: Tensor, whole: Tensor, unambiguous: Tensor,
    rule: dict,
) -> tuple[Tensor, Tensor]:
    """The training loss, and the Dice of each answer ``[N, A]``.

    ``fine`` is ``[N, A, D, H, W]``, ``truth`` and ``weight`` (of a voxel's cross-entropy) ``[N, 1, D, H, W]``,
    ``coarse`` a quarter of that along each axis, ``quality`` ``[N, A]`` logits of the Dice. ``whole``: voxels of the
    target within the region and beyond. ``unambiguous`` (bool ``[N]``): the prompts say which target is meant. Where
    they do not, the best answer alone is asked to be right.
    """
    each = dice_loss(fine, truth) + cross_entropy(fine, truth, weight)
    small, small_weight = F.avg_pool3d(truth, 4), F.avg_pool3d(weight, 4)
    deep = dice_loss(coarse, small, SMALL / 64) + cross_entropy(coarse, small, small_weight)
    each = each + rule["coarse_loss"] * deep
    best = each.min(1).values
    share = torch.where(unambiguous, rule["unambiguous_share"], rule["ambiguous_share"])
    loss = ((1 - share) * best + share * each.mean(1)).mean()
    found = (fine.detach() > 0).float()
    overlap = (found * truth).sum((2, 3, 4))
    dice = (2 * overlap + 1.0) / (found.sum((2, 3, 4)) + whole[:, None] + 1.0)
    guess = torch.sigmoid(quality)
    return loss + rule["quality_loss"] * F.mse_loss(guess, dice), dice
