"""A residual 3D U-Net with a stride-2 stem, split into encoder, decoder and sampler.

Feature maps, for a region of D×H×W voxels and ``width`` = 16::

    f0  [1,  16, D/2,  H/2,  W/2 ]      f2  [1,  64, D/8,  H/8,  W/8 ]
    f1  [1,  32, D/4,  H/4,  W/4 ]      f3  [1, 128, D/16, H/16, W/16]

The decoder gives :data:`ANSWERS` masks, as a click does not say whether a part is meant or the whole, and a head says
how good each is; the best by that head is *the* answer.

Dropout is channel-wise, in the bottleneck and the two decoder levels above it, and its masks
(0 or 1/(1-p), one a sample and channel) are *arguments*: all ones is the deterministic network.
A mask is never followed directly by a normalisation, which would undo it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PROMPT_CHANNELS = 3  # previous mask, positive clicks, negative clicks
STRIDE = 16  # region sides are multiples of this
ANSWERS = 3  # candidate masks
DEEP = 3  # residual blocks at an eighth and at a sixteenth of the resolution


class ResidualBlock(nn.Module):
    """Two 3³ convolutions with instance normalisation, and a shortcut round them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.InstanceNorm3d(channels, affine=True)
        self.conv2 = nn.Conv3d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.InstanceNorm3d(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        y = F.leaky_relu(self.norm1(self.conv1(x)), 0.1)
        return F.leaky_relu(x + self.norm2(self.conv2(y)), 0.1)


def downsample(channels_in: int, channels_out: int) -> nn.Sequential:
    """Halves each side with a strided 3³ convolution."""
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, 3, stride=2, padding=1, bias=False),
        nn.InstanceNorm3d(channels_out, affine=True),
        nn.LeakyReLU(0.1),
    )


def click_window(image: Tensor, near: Tensor, scale: float = 0.25) -> Tensor:
    """The image seen through a soft intensity window at the clicked tissue.

    ``tanh((image - m) / scale)`` with m the mean intensity where ``near``² is large (1 at the positive clicks), so that
    faint contrast round the clicked grey value (soft tissue in CT) is spread over the range.
    Without a click, m is 0. Shapes ``[N, C, D, H, W]`` and ``[N, 1, D, H, W]``.
    """
    weight = near * near
    total = weight.sum(dim=(2, 3, 4), keepdim=True)
    mean = (image * weight).sum(dim=(2, 3, 4), keepdim=True) / (total + 1e-3)
    return torch.tanh((image - mean) * (1.0 / scale))


class Encoder(nn.Module):
    """Image and prompts to features at four scales; runs once a click."""

    def __init__(self, image_channels: int = 1, width: int = 16, distances: bool = False, names: int = 0) -> None:
        super().__init__()
        w, self.distances = width, distances
        self.stem = downsample(2 * image_channels + PROMPT_CHANNELS, w)
        self.level0 = ResidualBlock(w)
        self.level1 = nn.Sequential(downsample(w, 2 * w), ResidualBlock(2 * w))
        self.level2 = nn.Sequential(
            downsample(2 * w, 4 * w), *(ResidualBlock(4 * w) for _ in range(DEEP))
        )
        self.down3 = downsample(4 * w, 8 * w)
        self.level3 = nn.Sequential(*(ResidualBlock(8 * w) for _ in range(DEEP)))
        self.names = nn.Embedding(names + 1, 8 * w)  # 0: none
        nn.init.normal_(self.names.weight, std=0.1)

    def forward(
        self, image: Tensor, previous_mask: Tensor, positive: Tensor, negative: Tensor, name: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Inputs ``[N, C or 1, D, H, W]`` and names ``[N]`` (0: none); features f0..f3: see the module."""
        window = click_window(image, 1 - positive if self.distances else positive)
        f0 = self.level0(
            self.stem(torch.cat([image, window, previous_mask, positive, negative], dim=1))
        )
        f1 = self.level1(f0)
        f2 = self.level2(f1)
        called = self.names.weight[:1] if name is None else self.names(name)
        return f0, f1, f2, self.level3(self.down3(f2) + called[:, :, None, None, None])


def drop(x: Tensor, mask: Tensor) -> Tensor:
    """Multiplies channels ``[N, C, d, h, w]`` by masks ``[T, C]``; N is T, or 1 (then repeated)."""
    return x * mask[:, :, None, None, None]


class Trunk(nn.Module):
    """The stochastic lower decoder, up to a quarter of the resolution."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        w = width
        self.up2 = nn.ConvTranspose3d(8 * w, 4 * w, 2, stride=2)
        self.level2 = ResidualBlock(4 * w)
        self.up1 = nn.ConvTranspose3d(4 * w, 2 * w, 2, stride=2)
        self.level1 = ResidualBlock(2 * w)

    def forward(self, f1: Tensor, f2: Tensor, f3: Tensor, drops: tuple[Tensor, ...]) -> Tensor:
        """Features and masks (drop3, drop2, drop1) to ``[T, 2·width, D/4, H/4, W/4]``."""
        drop3, drop2, drop1 = drops
        x = self.up2(drop(f3, drop3)) + f2
        x = self.up1(drop(self.level2(x), drop2)) + f1
        return drop(self.level1(x), drop1)


class Head(nn.Module):
    """The upper decoder: from a quarter of the resolution to a logit a voxel."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        w = width
        self.up0 = nn.ConvTranspose3d(2 * w, w, 2, stride=2)
        self.level0 = ResidualBlock(w)
        self.up = nn.ConvTranspose3d(w, w // 2, 2, stride=2)
        self.logit = nn.Conv3d(w // 2, ANSWERS, 3, padding=1)

    def forward(self, x: Tensor, f0: Tensor) -> Tensor:
        """``[T, 2·width, D/4, …]`` and f0 to logits ``[T, ANSWERS, D, H, W]``."""
        x = self.level0(self.up0(x) + f0)
        return self.logit(F.leaky_relu(self.up(x), 0.1))


class Quality(nn.Module):
    """Says how good each answer is: the Dice that it will have with what the reader wants, wherever that lies.

    Of features under the answer and along its border, of the region as a whole, and of the answer's own figures.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        w = width
        self.mix = nn.Sequential(nn.Linear(12 * w + 6, 4 * w), nn.LeakyReLU(0.1), nn.Linear(4 * w, 4 * w),
                                 nn.LeakyReLU(0.1), nn.Linear(4 * w, 1))

    def forward(self, x: Tensor, f3: Tensor, logits: Tensor) -> Tensor:
        """Trunk ``[T, 2·width, D/4, …]``, f3 and logits ``[T, A, D, H, W]`` to logits of the Dice ``[T, A]``."""
        p = F.avg_pool3d(torch.sigmoid(logits), 4)
        border = 4 * p * (1 - p)
        size, rim = p.mean((2, 3, 4)), border.mean((2, 3, 4))
        under = torch.einsum("tcdhw,tadhw->tac", x, p) / (p.sum((2, 3, 4)) + 1.0)[..., None]
        along = torch.einsum("tcdhw,tadhw->tac", x, border) / (border.sum((2, 3, 4)) + 1.0)[..., None]
        faces = (p[:, :, 0], p[:, :, -1], p[:, :, :, 0], p[:, :, :, -1], p[..., 0], p[..., -1])
        ends = sum(face.mean((2, 3)) for face in faces)
        flat = p.flatten(2)
        agree = torch.einsum("tan,tbn->tab", flat, flat).sum(2) / (p.shape[1] * (flat * flat).sum(2) + 1.0)
        figures = torch.stack([torch.log(size + 1e-5), size, rim, rim / (size + 1e-3), ends, agree], 2)
        around = f3.mean((2, 3, 4))[:, None] + 0 * size[..., None]  # as many rows as there are masks
        return self.mix(torch.cat([under, along, around, figures], 2))[..., 0]


class Decoder(nn.Module):
    """Features and dropout masks to the answers at the working resolution, and to how good they are."""

    def __init__(self, trunk: Trunk, head: Head, quality: Quality) -> None:
        super().__init__()
        self.trunk, self.head, self.quality = trunk, head, quality

    def forward(
        self,
        f0: Tensor, f1: Tensor, f2: Tensor, f3: Tensor,
        drop3: Tensor, drop2: Tensor, drop1: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The best answer's logits ``[T, 1, D, H, W]``, all answers' ``[T, A, D, H, W]``, expected Dice ``[T, A]``."""
        x = self.trunk(f1, f2, f3, (drop3, drop2, drop1))
        logits = self.head(x, f0)
        good = torch.sigmoid(self.quality(x, f3, logits))
        best = (good == good.max(1, keepdim=True).values).to(logits.dtype)
        best = best / best.sum(1, keepdim=True)
        return (logits * best[:, :, None, None, None]).sum(1, keepdim=True), logits, good


class SampleHead(nn.Module):
    """A thin way from a quarter to half of the resolution, so that many samples stay cheap."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        w = width
        self.up0 = nn.ConvTranspose3d(2 * w, w, 2, stride=2)
        self.mix = nn.Conv3d(w, w // 2, 3, padding=1)
        self.logit = nn.Conv3d(w // 2, 1, 1)

    def forward(self, x: Tensor, f0: Tensor) -> Tensor:
        """``[T, 2·width, D/4, …]`` and f0 to logits ``[T, 1, D/2, H/2, W/2]``."""
        x = F.leaky_relu(self.up0(x) + f0, 0.1)
        return self.logit(F.leaky_relu(self.mix(x), 0.1))


class Doubled(nn.Module):
    """Linear interpolation of one channel to twice the resolution; a convolution is quicker than a resize."""

    def __init__(self) -> None:
        super().__init__()
        line = torch.tensor([0.25, 0.75, 0.75, 0.25])
        cube = line[:, None, None] * line[:, None] * line
        self.register_buffer("kernel", cube[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[T, 1, d, h, w]`` to ``[T, 1, 2d, 2h, 2w]`` over the same place."""
        return F.conv_transpose3d(F.pad(x, (1,) * 6, mode="replicate"), self.kernel, stride=2, padding=3)


class Sampler(nn.Module):
    """A decoder of its own that stops early, and interpolates: logits ``[T, 1, D, H, W]``, for many samples.

    It is trained last, on a finished encoder (``uncertain.py``): what makes one good mask and what makes
    samples that differ where the mask is wrong are two tasks.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.trunk, self.head, self.doubled = Trunk(width), SampleHead(width), Doubled()

    def half(self, features: tuple[Tensor, ...], drops: tuple[Tensor, ...]) -> Tensor:
        """Logits at half of the resolution."""
        f0, f1, f2, f3 = features
        return self.head(self.trunk(f1, f2, f3, drops), f0)

    def forward(
        self,
        f0: Tensor, f1: Tensor, f2: Tensor, f3: Tensor,
        drop3: Tensor, drop2: Tensor, drop1: Tensor,
    ) -> Tensor:
        return self.doubled(self.half((f0, f1, f2, f3), (drop3, drop2, drop1)))


class ErrorHead(nn.Module):
    """Says where the answer is wrong, without samples: logits ``[1, 1, D/2, H/2, W/2]`` of an error."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        w = width
        self.trunk = Trunk(w)
        self.up0 = nn.ConvTranspose3d(2 * w, w, 2, stride=2)
        self.level0 = ResidualBlock(w)
        self.mix = nn.Conv3d(w + 1, w, 3, padding=1)  # beside the features, the answer
        self.logit = nn.Conv3d(w, 1, 1)

    def of_logit(self, features: tuple[Tensor, ...], logit: Tensor) -> Tensor:
        """Of features, and the answer's logit at half of the resolution."""
        f0, f1, f2, f3 = features
        ones = tuple(torch.ones(1, x.shape[1], dtype=x.dtype) for x in (f3, f2, f1))
        x = self.level0(self.up0(self.trunk(f1, f2, f3, ones)) + f0)
        return self.logit(F.leaky_relu(self.mix(torch.cat([x, 0.25 * logit], 1)), 0.1))

    def forward(self, f0: Tensor, f1: Tensor, f2: Tensor, f3: Tensor, probability: Tensor) -> Tensor:
        """Of features, and the answer's probability ``[1, 1, D, H, W]``."""
        p = probability.clamp(1e-7, 1 - 1e-7)
        return self.of_logit((f0, f1, f2, f3), F.avg_pool3d(torch.log(p) - torch.log(1 - p), 2))


class LesionNet(nn.Module):
    """Encoder and decoder, as trained; then the sampler and the error head, trained on their features."""

    def __init__(self, image_channels: int = 1, width: int = 16, distances: bool = False, names: int = 0) -> None:
        super().__init__()
        self.image_channels, self.width = image_channels, width
        self.encoder = Encoder(image_channels, width, distances, names)
        self.decoder = Decoder(Trunk(width), Head(width), Quality(width))
        self.coarse = nn.Conv3d(2 * width, ANSWERS, 1)  # deep supervision, for training alone
        self.sampler = Sampler(width)
        self.error = ErrorHead(width)

    def drop_channels(self) -> dict[str, int]:
        """Channels of each dropout mask, in the order in which the decoder takes them."""
        return {"drop3": 8 * self.width, "drop2": 4 * self.width, "drop1": 2 * self.width}

    def ones(self, samples: int) -> tuple[Tensor, ...]:
        """Masks of the deterministic network."""
        return tuple(torch.ones(samples, c) for c in self.drop_channels().values())

    def random_masks(
        self, samples: int, rate: float, generator: torch.Generator
    ) -> tuple[Tensor, ...]:
        """Seeded channel masks, 0 with probability ``rate`` and else 1 / (1 - rate)."""
        keep = 1.0 - rate
        return tuple(
            (torch.rand(samples, c, generator=generator) < keep).float() / keep
            for c in self.drop_channels().values()
        )

    def forward(
        self, inputs: tuple[Tensor, ...], drops: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(image, previous, positive, negative, name) to all answers' logits, the coarse head's and the quality's.

        The quality head sees the features, and does not change them.
        """
        f0, f1, f2, f3 = self.encoder(*inputs)
        x = self.decoder.trunk(f1, f2, f3, drops)
        logits = self.decoder.head(x, f0)
        return logits, self.coarse(x), self.decoder.quality(x.detach(), f3.detach(), logits.detach())

    def main_parameters(self) -> list[nn.Parameter]:
        """What the main training changes: all but the sampler and the error head."""
        return [*self.encoder.parameters(), *self.decoder.parameters(), *self.coarse.parameters()]
