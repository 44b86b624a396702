"""Muon (Jordan et al., 2024) for convolution kernels, AdamW for all else, as one optimiser.

A kernel ``[out, in, k, k, k]`` is a matrix out × in·k³. Its momentum is made orthogonal by five Newton-Schulz
iterations and scaled to AdamW's usual size of a step (Liu et al., "Muon is scalable for LLM training", 2025), so that
one learning rate serves both.
"""

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


def orthogonal(matrix: Tensor) -> Tensor:
    """The nearest matrix with singular values near 1."""
    a, b, c = COEFFICIENTS
    x = matrix.to(torch.bfloat16)
    wide = x.shape[0] <= x.shape[1]
    x = x if wide else x.T
    x = x / (x.norm() + 1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return (x if wide else x.T).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """Parameters of the groups with ``kernel`` by Muon; those of the others by AdamW."""

    def __init__(
        self, net: nn.Module, parameters: list[nn.Parameter], rate: float, decay: float, kernels: bool
    ) -> None:
        ends = {id(net.encoder.stem[0].weight), id(net.decoder.head.logit.weight), id(net.coarse.weight)}
        inner = [p for p in parameters if kernels and p.ndim == 5 and id(p) not in ends]
        chosen = {id(p) for p in inner}
        groups = [
            {"params": inner, "kernel": True, "momentum": 0.95},
            {"params": [p for p in parameters if id(p) not in chosen], "kernel": False, "betas": (0.9, 0.99)},
        ]
        super().__init__([g for g in groups if g["params"]], {"lr": rate, "weight_decay": decay})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """One step."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    (self._kernel if group["kernel"] else self._other)(group, p, self.state[p])

    def _kernel(self, group: dict, p: Tensor, state: dict) -> None:
        if not state:
            state["momentum"] = torch.zeros_like(p)
        state["momentum"].lerp_(p.grad, 1 - group["momentum"])
        ahead = p.grad.lerp(state["momentum"], group["momentum"]).reshape(p.shape[0], -1)
        scale = 0.2 * max(ahead.shape) ** 0.5
        p.add_(orthogonal(ahead).reshape(p.shape), alpha=-group["lr"] * scale)

    def _other(self, group: dict, p: Tensor, state: dict) -> None:
        if not state:
            state.update(step=0, first=torch.zeros_like(p), second=torch.zeros_like(p))
        state["step"] += 1
        (b1, b2), n = group["betas"], state["step"]
        state["first"].lerp_(p.grad, 1 - b1)
        state["second"].lerp_(p.grad.square(), 1 - b2)
        size = (state["second"] / (1 - b2**n)).sqrt_().add_(1e-8)
        p.addcdiv_(state["first"], size, value=-group["lr"] / (1 - b1**n))
