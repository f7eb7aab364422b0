"""The network behind the trace of square statistics: it compares each square of 8 x 8 pixels with the whole picture.

It is no part of the paper. The paper's network sees pixels; this one sees what `psccnet.evidence.square_statistics`
measures, one vector for each square: 64 times fewer places, each of which already tells of compression, noise and
colours. Every layer has the mean over the picture taken off beside its own values, so that what it learns are
differences within the picture and not kinds of pictures. The idea to learn from quantised coefficients together with
their quantisation is that of CAT-Net (Kwon et al., IJCV 2022).
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 32
"""Channels of each layer."""
DILATIONS = (1, 2, 4, 8)
"""Of the 3 x 3 convolutions: a square is judged by what lies up to 16 squares away, and by the whole picture."""
LARGEST = 10
"""Coefficients beyond +-this mean the same."""
_GROUPS = 4


class SquareStatistics(nn.Module):
    """Logits of "forged" for each square.

    Args:
        means: (measures,) float32, of the measures in the training pictures.
        deviations: (measures,) float32, above 0, likewise.
        frequencies: number of coefficients of a square.
    """

    inputs = ("coefficients", "peaks", "steps", "jpeg", "measures")
    outputs = ("logits",)
    coefficients: Tensor
    means: Tensor
    deviations: Tensor

    def __init__(self, means: Tensor, deviations: Tensor, frequencies: int) -> None:
        super().__init__()
        self.register_buffer("means", means[:, None, None])
        self.register_buffer("deviations", deviations[:, None, None])
        self.embedding = nn.Parameter(torch.randn(frequencies, 2 * LARGEST + 1, WIDTH) * 0.05)
        self.by_steps = nn.Linear(frequencies, 2 * WIDTH)
        nn.init.zeros_(self.by_steps.weight)
        nn.init.zeros_(self.by_steps.bias)
        self.enter = nn.Conv2d(frequencies + len(means) + 1, WIDTH, 1)
        self.mix = nn.Conv2d(WIDTH, WIDTH, 1)
        self.norm = nn.GroupNorm(_GROUPS, WIDTH)
        widths = (3 * WIDTH, *(2 * WIDTH,) * (len(DILATIONS) - 1))
        self.blocks = nn.ModuleList(_Block(wide, dilation) for wide, dilation in zip(widths, DILATIONS, strict=True))
        self.leave = nn.Conv2d(2 * WIDTH, 1, 1)

    def forward(self, coefficients: Tensor, peaks: Tensor, steps: Tensor, jpeg: Tensor, measures: Tensor) -> Tensor:
        """Judge the squares of pictures.

        Args:
            coefficients: (B, frequencies, h, w) int8, in steps of the quantisation.
            peaks: (B, frequencies, h, w) float32, how frequent these values are in the picture beside their neighbours.
            steps: (B, frequencies) float32, at least 1.
            jpeg: (B,) float32, 1 for JPEGs and 0 for others.
            measures: (B, measures, h, w) float32.

        Returns:
            (B, h, w) float32.
        """
        normal = ((measures - self.means) / self.deviations).clamp(-5, 5)
        stored = jpeg[:, None, None, None].expand_as(normal[:, :1])
        scale, shift = self.by_steps(torch.log(steps) / 3 - 0.5)[..., None, None].chunk(2, 1)
        found = self.enter(torch.cat([stored, peaks, normal], 1)) + self._embedded(coefficients) * (1 + scale) + shift
        found = self.norm(torch.relu(self.mix(torch.relu(found))))
        mean = found.mean((2, 3), keepdim=True)
        deviation = (((found - mean) ** 2).mean((2, 3), keepdim=True) + 1e-6).sqrt()
        around = functional.avg_pool2d(functional.pad(found, (1, 1, 1, 1), mode="replicate"), 3, 1)
        found = torch.cat([around - mean, (around - mean) / (deviation + 0.1), found - mean], 1)
        for block in self.blocks:
            found = block(found)
        return cast(Tensor, self.leave(found)[:, 0])

    def _embedded(self, coefficients: Tensor) -> Tensor:
        """The sum of what each coefficient's value means, (B, width, h, w)."""
        values = coefficients.to(torch.int64).clamp(-LARGEST, LARGEST) + LARGEST
        one_by_one = (functional.embedding(values[:, at], table) for at, table in enumerate(self.embedding))
        return cast(Tensor, sum(one_by_one)).permute(0, 3, 1, 2)


class _Block(nn.Module):
    """A dilated 3 x 3 convolution; its values, and how they differ from their mean over the picture."""

    def __init__(self, wide: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(wide, WIDTH, 3, padding=dilation, dilation=dilation)
        self.norm = nn.GroupNorm(_GROUPS, WIDTH)
        self.mix = nn.Conv2d(WIDTH, WIDTH, 1)

    def forward(self, values: Tensor) -> Tensor:
        found = torch.relu(self.mix(torch.relu(self.norm(self.conv(values)))))
        return torch.cat([found, found - found.mean((2, 3), keepdim=True)], 1)
