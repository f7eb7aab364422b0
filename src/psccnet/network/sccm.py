"""The Spatio-Channel Correlation Module (Section III-B, Fig. 3, Eqs. 2 to 4)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from psccnet.network.architecture import Attention, Variant


class SCCM(nn.Module):
    """Spatial and channel-wise attention over one embedding of the same feature map.

    Args:
        channels: C of the feature map X.
        ratio: the down-scaling ratio r of the function h.
        variant: with "paper", h is a true space-to-depth with one token per r x r block, and the output of the
            channel branch is put back in place before omega_c. "released" reshapes the raw (B, C, H, W) memory, which
            mixes rows, and views the channel branch's (B, N, C r^2) product as (B, C, H, W) without transposing it;
            the released weights need this.
        attention: which branches exist (Table V: "channel" is w/o SA, "spatial" w/o CA, "none" w/o both).
        shared_embedding: False gives the channel branch its own theta and phi (Table V: w/o FS).

    Attributes:
        rounded_products: set this for a runtime that always rounds matrix products to bf16. Channel logits are in the
            hundreds, where bf16 is too coarse. Each row's largest logit is therefore subtracted inside the product, as
            one more token: the logits that matter to the softmax are then near zero, where rounding does little.
            Without rounding, the result is the same.
    """

    def __init__(
        self,
        channels: int,
        ratio: int,
        variant: Variant = "paper",
        attention: Attention = "both",
        shared_embedding: bool = True,
    ) -> None:
        super().__init__()
        self.ratio = ratio
        self.rounded_products = False
        self.variant = variant
        self.spatial = attention in ("both", "spatial")
        self.channel = attention in ("both", "channel")
        self.shared_embedding = shared_embedding
        width = channels * ratio * ratio
        if self.spatial or self.channel:
            self.g = nn.Conv2d(width, width, 1)
            self.theta = nn.Conv2d(width, width, 1)
            self.phi = nn.Conv2d(width, width, 1)
        if self.spatial and self.channel and not shared_embedding:
            self.theta_channel = nn.Conv2d(width, width, 1)
            self.phi_channel = nn.Conv2d(width, width, 1)
        if self.spatial:
            self.alpha_s = nn.Parameter(torch.ones(1))
            self.omega_s = nn.Conv2d(channels, channels, 1)
        if self.channel:
            self.alpha_c = nn.Parameter(torch.ones(1))
            self.omega_c = nn.Conv2d(channels, channels, 1)

    def h(self, x: Tensor) -> Tensor:
        """The function h: (B, C, H, W) to (B, C r^2, H/r, W/r), without losing values."""
        if self.variant == "paper":
            return functional.pixel_unshuffle(x, self.ratio)
        batch, channels, height, width = x.shape
        r = self.ratio
        return x.reshape(batch, channels * r * r, height // r, width // r)

    def h_inverse(self, y: Tensor) -> Tensor:
        """The inverse of `h`: (B, C r^2, H/r, W/r) to (B, C, H, W)."""
        if self.variant == "paper":
            return functional.pixel_shuffle(y, self.ratio)
        batch, width, rows, columns = y.shape
        r = self.ratio
        return y.reshape(batch, width // (r * r), rows * r, columns * r)

    def embeddings(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """X'_g, X'_theta and X'_phi, one row per token: each (B, N, C r^2) with N = HW / r^2."""
        tokens = self.h(x)
        g, theta, phi = (layer(tokens).flatten(2).transpose(1, 2) for layer in (self.g, self.theta, self.phi))
        return g, theta, phi

    def spatial_response(self, x: Tensor) -> Tensor:
        """A_s of Eq. 2, (B, N, N), rows sum to 1; for visualisation, since `forward` never computes it."""
        _, theta, phi = self.embeddings(x)
        return torch.softmax((theta @ phi.transpose(1, 2)).float(), dim=-1)

    def forward(self, x: Tensor) -> Tensor:
        """Z of Eq. 4.

        Args:
            x: the feature X, (B, C, H, W); H and W are multiples of the ratio.

        Returns:
            (B, C, H, W).
        """
        if not (self.spatial or self.channel):
            return x
        g, theta, phi = self.embeddings(x)
        rows, columns = x.shape[-2] // self.ratio, x.shape[-1] // self.ratio
        z = x
        if self.spatial:
            # Eq. 2, fused: softmax(theta phi^T) g, unscaled. Torch avoids the N x N matrix only if its inputs are
            # contiguous (B, heads, N, d).
            query, key, value = (tokens.unsqueeze(1).contiguous() for tokens in (theta, phi, g))
            attended = functional.scaled_dot_product_attention(query, key, value, scale=1.0).squeeze(1)
            y_s = self.h_inverse(attended.transpose(1, 2).reshape(x.shape[0], -1, rows, columns))
            z = z + self.alpha_s * self.omega_s(y_s)
        if self.channel:
            theta, phi = self._channel_embeddings(x, theta, phi)
            y_c = self._channel_attention(g, theta, phi, rows, columns)
            z = z + self.alpha_c * self.omega_c(y_c)
        return z

    def channel_response(self, x: Tensor) -> Tensor:
        """Y_c of Eq. 3, (B, C, H, W); for visualisation."""
        g, theta, phi = self.embeddings(x)
        theta, phi = self._channel_embeddings(x, theta, phi)
        return self._channel_attention(g, theta, phi, x.shape[-2] // self.ratio, x.shape[-1] // self.ratio)

    def _channel_embeddings(self, x: Tensor, theta: Tensor, phi: Tensor) -> tuple[Tensor, Tensor]:
        """The channel branch's own theta and phi if it has them, otherwise the shared ones."""
        if not self.spatial or self.shared_embedding:
            return theta, phi
        tokens = self.h(x)
        return (
            self.theta_channel(tokens).flatten(2).transpose(1, 2),
            self.phi_channel(tokens).flatten(2).transpose(1, 2),
        )

    def _channel_attention(self, g: Tensor, theta: Tensor, phi: Tensor, rows: int, columns: int) -> Tensor:
        """Y_c of Eq. 3, with theta as in the paper's text: (B, C, H, W)."""
        # The logits are sums over all tokens and large: product and softmax need more than half precision.
        wide = torch.promote_types(theta.dtype, torch.float32)
        theta, phi = theta.to(wide), phi.to(wide)
        with torch.autocast(theta.device.type, enabled=False):
            logits = theta.transpose(1, 2) @ phi
            if self.rounded_products:
                largest = logits.amax(dim=2).unsqueeze(1)
                theta, phi = torch.cat([theta, largest], 1), torch.cat([phi, -torch.ones_like(largest)], 1)
                logits = theta.transpose(1, 2) @ phi
        a_c = torch.softmax(logits, dim=-1).to(g.dtype)
        product = g @ a_c
        if self.variant == "paper":
            product = product.transpose(1, 2)
        batch = product.shape[0]
        return self.h_inverse(product.reshape(batch, -1, rows, columns))
