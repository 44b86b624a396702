"""Dice and cross-entropy, at full resolution and for the sampler's coarse head."""

import torch
from torch import Tensor
from torch.nn import functional as F


def dice_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """One minus the soft Dice of each sample, ``[N, 1, d, h, w]``, averaged."""
    p = torch.sigmoid(logits)
    axes = (1, 2, 3, 4)
    overlap = 2 * (p * truth).sum(axes) + 1.0
    return (1 - overlap / (p.sum(axes) + truth.sum(axes) + 1.0)).mean()


def cross_entropy(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Weighted binary cross-entropy, averaged over the weight."""
    each = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return (each * weight).sum() / weight.sum()


def total(fine: Tensor, coarse: Tensor, truth: Tensor, weight: Tensor, coarse_loss: float) -> Tensor:
    """The training loss.

    ``fine``, ``truth`` and ``weight`` (of a voxel's cross-entropy) are ``[N, 1, D, H, W]``, ``coarse`` a
    quarter of that along each axis; ``coarse_loss`` is what it counts.
    """
    loss = dice_loss(fine, truth) + cross_entropy(fine, truth, weight)
    small, small_weight = F.avg_pool3d(truth, 4), F.avg_pool3d(weight, 4)
    deep = dice_loss(coarse, small) + cross_entropy(coarse, small, small_weight)
    return loss + coarse_loss * deep
