"""The network cut into parts that a backend compiles: the same layers as `psccnet.network`, for inference alone.

Tests hold each part against the torch network. Here are no batches of different pictures, no batch norm (it is folded)
and no gradients, but resampling whose coordinates come from the whole picture though a part sees only a tile of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from psccnet.engine.ops import Ops
from psccnet.engine.parameters import Layer, Parameters

T = TypeVar("T")

CHANNELS = (18, 36, 72, 144)
"""Channels of F_1..F_4."""
RATIOS = (4, 2, 2, 1)
"""The SCCM down-scaling ratio r at scales 1..4 (Section IV-A.3)."""
CONTRAST_SCALE = 2
"""Scale of the mask whose contrast is the score, where it is."""
FINER_AND_COARSER = [(fine, coarse) for fine in range(1, 4) for coarse in range(fine + 1, 5)]
"""Pairs of scales between which fusions resample a coarser map to a finer one's size."""

Shape = tuple[int | None, ...]
Bring = Callable[[T, int, int, T], T]
"""(x, target, source, like): what a fusion adds at the scale `target` of the map x that comes from `source`."""

PIXELS: dict[str, Shape] = {"pixels": (None, None, 3)}


@dataclass(frozen=True)
class Part:
    """A piece of the network as a function of arrays.

    Attributes:
        name: short, for messages and plots.
        inputs: name -> shape without the batch (vectors have none), None where any size goes; `dtype_of` tells types.
        outputs: name -> shape without the batch.
        build: makes the outputs of the inputs with some backend's operations.
    """

    name: str
    inputs: dict[str, Shape]
    outputs: dict[str, Shape]
    build: Callable[[Ops[T], dict[str, T]], list[T]]


def dtype_of(name: str) -> type[np.generic]:
    """The type of an input by its name: pixels, numbers of rows and columns, or floating."""
    if name == "pixels":
        return np.uint8
    return np.int32 if name.startswith(("rows", "columns")) and "in" not in name else np.float32


class Parts:
    """The parts of a network.

    Args:
        parameters: of the network.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.grid = parameters.architecture.grid
        self.contrast = parameters.architecture.detection == "contrast"

    def stem(self) -> Part:
        """Stem, stage 1 and the first transition: pixels (B, H, W, 3) to maps of 18 and 36 channels."""
        outputs: dict[str, Shape] = {"fine": (CHANNELS[0], None, None), "half": (CHANNELS[1], None, None)}
        return Part("stem", PIXELS, outputs, lambda ops, of: self._stem(ops, of["pixels"]))

    def stages(self, tiled: bool) -> Part:
        """Stages 2 to 4 and the sampling of F_1..F_4 at points, without F_1..F_4 ever being whole.

        Bilinear sampling at a point reads two rows and two columns of a map. Only there the last fusion is computed:
        `rows1` are the numbers of the rows of F_1 that are read, upper and lower in turn, `shares1` (as a column) what
        they count, and `rows1in2` where they lie in the map of scale 2; likewise `columns`.

        Args:
            tiled: the maps are of a tile, so that stages 2 and 3 too resample at coordinates that are inputs:
                `every_rows1in2` for all rows of scale 1 in scale 2.
        """
        inputs: dict[str, Shape] = {"fine": (CHANNELS[0], None, None), "half": (CHANNELS[1], None, None)}
        for axis, shares in (("rows", (1, None, 1)), ("columns", (1, 1, None))):
            for scale in range(1, 5):
                inputs |= {f"{axis}{scale}": (None,), f"shares_{axis}{scale}": shares}
            inputs |= {f"{axis}{fine}in{coarse}": (None,) for fine, coarse in FINER_AND_COARSER}
            if tiled:
                inputs |= {f"every_{axis}{fine}in{coarse}": (None,) for fine, coarse in FINER_AND_COARSER if coarse < 4}

        def build(ops: Ops[T], of: dict[str, T]) -> list[T]:
            def everywhere(x: T, target: int, source: int, like: T) -> T:
                if source <= target:
                    return x
                if not tiled:
                    return ops.resize(x, like)
                pair = f"{target}in{source}"
                return ops.sample(x, of[f"every_rows{pair}"], of[f"every_columns{pair}"])

            def at_points(x: T, target: int, source: int, _like: T) -> T:
                if source <= target:
                    return ops.pick(x, of[f"rows{target}"], of[f"columns{target}"])
                return ops.sample(x, of[f"rows{target}in{source}"], of[f"columns{target}in{source}"])

            maps = self._stages(ops, [of["fine"], of["half"]], everywhere, at_points)
            sampled = []
            for scale, x in enumerate(maps, start=1):
                weighted = ops.multiply(ops.multiply(x, of[f"shares_rows{scale}"]), of[f"shares_columns{scale}"])
                sampled.append(ops.pool(weighted))
            return sampled

        outputs: dict[str, Shape] = {f"feature{k}": (c, None, None) for k, c in enumerate(CHANNELS, start=1)}
        return Part("tile" if tiled else "stages", inputs, outputs, build)

    def head(self) -> Part:
        """Detection: the four features, or as many as the mask that decides needs, to the score (B, 1, 1, 1)."""
        finest = CONTRAST_SCALE if self.contrast else 1
        inputs = {f"feature{scale}": self._feature_shape(scale) for scale in range(finest, 5)}

        def build(ops: Ops[T], of: dict[str, T]) -> list[T]:
            features = list(of.values())
            if not self.contrast:
                return [self._head(ops, features)]
            logits = self._logits(ops, 4, features[-1])
            for scale in range(3, finest - 1, -1):
                logits = self._logits(ops, scale, features[scale - finest], ops.sigmoid(logits))
            return [self._contrast(ops, logits)]

        return Part("head", inputs, {"score": (1, 1, 1)}, build)

    def scale(self, scale: int) -> Part:
        """The mask (B, 1, h, w) of one scale, from its feature and the mask before (Eq. 1)."""
        inputs = {f"feature{scale}": self._feature_shape(scale)}
        if scale < 4:
            inputs[f"mask{scale + 1}"] = (1, *self._side(scale + 1))

        def build(ops: Ops[T], of: dict[str, T]) -> list[T]:
            return [ops.sigmoid(self._logits(ops, scale, of[f"feature{scale}"], of.get(f"mask{scale + 1}")))]

        return Part(f"scale{scale}", inputs, {f"mask{scale}": (1, *self._side(scale))}, build)

    def whole(self) -> Part:
        """The network in one piece: pixels (B, H, W, 3) to score and masks."""

        def build(ops: Ops[T], of: dict[str, T]) -> list[T]:
            def upsample(x: T, target: int, source: int, like: T) -> T:
                return ops.resize(x, like) if source > target else x

            maps = self._stages(ops, self._stem(ops, of["pixels"]), upsample, upsample)
            features = [ops.resize(x, self._side(scale)) for scale, x in enumerate(maps, start=1)]
            logits: dict[int, T] = {}
            masks: list[T] = []
            for scale in range(4, 0, -1):
                logits[scale] = self._logits(ops, scale, features[scale - 1], masks[0] if masks else None)
                masks.insert(0, ops.sigmoid(logits[scale]))
            score = self._contrast(ops, logits[CONTRAST_SCALE]) if self.contrast else self._head(ops, features)
            return [ops.reshape(score, ()), *masks]

        outputs: dict[str, Shape] = {"score": ()} | {f"mask{k}": (1, *self._side(k)) for k in range(1, 5)}
        return Part("network", PIXELS, outputs, build)

    def _side(self, scale: int) -> tuple[int, int]:
        side = self.grid >> (scale - 1)
        return side, side

    def _feature_shape(self, scale: int) -> Shape:
        return CHANNELS[scale - 1], *self._side(scale)

    # -- top-down path ------------------------------------------------------------------------------------------------

    def _normed(self, ops: Ops[T], x: T, name: str, stride: int = 1) -> T:
        return ops.conv(x, self.parameters.layer(name), stride)

    def _stem(self, ops: Ops[T], pixels: T) -> list[T]:
        first = self.parameters.layer("top_down.conv1")
        x = ops.relu(ops.conv(ops.rgb(pixels), Layer(first.weight / np.float32(255), first.bias)))
        x = ops.relu(self._normed(ops, x, "top_down.conv2"))
        for block in range(2):
            x = self._bottleneck(ops, x, f"top_down.layer1.{block}")
        fine = self._normed(ops, x, "top_down.transition1.0.0")
        half = self._normed(ops, x, "top_down.transition1.1.0.0", stride=2)
        return [ops.relu(fine), ops.relu(half)]

    def _bottleneck(self, ops: Ops[T], x: T, name: str) -> T:
        y = ops.relu(self._normed(ops, x, f"{name}.conv1"))
        y = ops.relu(self._normed(ops, y, f"{name}.conv2"))
        y = self._normed(ops, y, f"{name}.conv3")
        shortcut = f"{name}.downsample.0"
        return ops.relu(ops.add(y, self._normed(ops, x, shortcut) if shortcut in self.parameters else x))

    def _stages(self, ops: Ops[T], maps: list[T], bring: "Bring[T]", bring_last: "Bring[T]") -> list[T]:
        for stage in (2, 3, 4):
            maps = self._fusion(ops, maps, f"top_down.stage{stage}.0", bring if stage < 4 else bring_last)
            if stage < 4:
                added = self._normed(ops, maps[-1], f"top_down.transition{stage}.{stage}.0.0", stride=2)
                maps = [*maps, ops.relu(added)]
        return maps

    def _fusion(self, ops: Ops[T], maps: list[T], name: str, bring: "Bring[T]") -> list[T]:
        branches = []
        for index, x in enumerate(maps):
            for block in range(2):
                at = f"{name}.branches.{index}.{block}"
                y = self._normed(ops, ops.relu(self._normed(ops, x, f"{at}.conv1")), f"{at}.conv2")
                x = ops.relu(ops.add(y, x))
            branches.append(x)
        fused = []
        for target in range(len(maps)):
            total = None
            for source, y in enumerate(branches):
                at = f"{name}.fuse_layers.{target}.{source}"
                if source > target:
                    y = self._normed(ops, y, f"{at}.0")
                for step in range(target - source):
                    y = self._normed(ops, y, f"{at}.{step}.0", stride=2)
                    if step < target - source - 1:
                        y = ops.relu(y)
                y = bring(y, target + 1, source + 1, branches[target])
                total = y if total is None else ops.add(total, y)
            assert total is not None
            fused.append(ops.relu(total))
        return fused

    # -- detection head -----------------------------------------------------------------------------------------------

    def _head(self, ops: Ops[T], features: list[T]) -> T:
        y = None
        for index, feature in enumerate(features):
            deeper = self._bottleneck(ops, feature, f"detection_head.incre_modules.{index}.0")
            if y is not None:
                down = self._normed(ops, y, f"detection_head.downsamp_modules.{index - 1}.0", stride=2)
                deeper = ops.add(deeper, ops.relu(down))
            y = deeper
        assert y is not None
        evidence = ops.relu(self._normed(ops, y, "detection_head.final_layer.0"))
        pooled = ops.relu(self._normed(ops, ops.mean(evidence), "detection_head.classifier.0"))
        last = self.parameters.layer("detection_head.classifier.2")
        # Of two classes, the softmax is the sigmoid of the difference.
        difference = Layer(last.weight[1:] - last.weight[:1], last.bias[1:] - last.bias[:1])
        return ops.sigmoid(ops.conv(pooled, difference))

    def _contrast(self, ops: Ops[T], logits: T) -> T:
        """`psccnet.network.detection_head.ContrastHead` on the logits of its mask."""
        gain, bias = (self.parameters.scalar(f"detection_head.{name}") for name in ("gain", "bias"))
        weight = np.full((1, 1, 1, 1), gain, dtype=np.float32)
        largest = ops.conv(ops.largest(logits), Layer(weight, np.array([bias], dtype=np.float32)))
        return ops.sigmoid(ops.add(largest, ops.conv(ops.mean(logits), Layer(-weight, np.zeros(1, dtype=np.float32)))))

    # -- bottom-up path -----------------------------------------------------------------------------------------------

    def _logits(self, ops: Ops[T], scale: int, feature: T, coarser: T | None = None) -> T:
        x = feature if coarser is None else ops.multiply(feature, ops.resize(coarser, self._side(scale)))
        name = f"bottom_up.scale{scale}"
        y = ops.relu(self._normed(ops, self._sccm(ops, x, f"{name}.sccm", scale), f"{name}.mask_block.0"))
        return self._normed(ops, y, f"{name}.mask_block.2")

    def _sccm(self, ops: Ops[T], x: T, name: str, scale: int) -> T:
        """Eqs. 2 to 4; `psccnet.network.sccm` explains both variants."""
        architecture = self.parameters.architecture
        if architecture.attention == "none":
            return x
        ratio, channels, side = RATIOS[scale - 1], CHANNELS[scale - 1], self._side(scale)[0]
        paper, rows, width = architecture.variant == "paper", side // ratio, channels * ratio * ratio

        def tokens_to_map(y: T) -> T:
            if not paper:
                return ops.reshape(y, (channels, side, side))
            y = ops.reshape(y, (channels, ratio, ratio, rows, rows))
            return ops.reshape(ops.transpose(y, (0, 1, 4, 2, 5, 3)), (channels, side, side))

        if paper:
            tokens = ops.reshape(x, (channels, rows, ratio, rows, ratio))
            tokens = ops.reshape(ops.transpose(tokens, (0, 1, 3, 5, 2, 4)), (width, rows, rows))
        else:
            tokens = ops.reshape(x, (width, rows, rows))

        def embedding(kind: str) -> T:
            flat = ops.reshape(self._normed(ops, tokens, f"{name}.{kind}"), (width, rows * rows))
            return ops.transpose(flat, (0, 2, 1))

        g, theta, phi = embedding("g"), embedding("theta"), embedding("phi")
        z = x
        if architecture.attention in ("both", "spatial"):
            y = tokens_to_map(ops.transpose(ops.attention(theta, phi, g), (0, 2, 1)))
            z = ops.add(z, self._weighted(ops, y, name, "s"))
        if architecture.attention in ("both", "channel"):
            if f"{name}.theta_channel" in self.parameters:
                theta, phi = embedding("theta_channel"), embedding("phi_channel")
            y = ops.matmul(g, ops.channel_similarity(theta, phi))
            y = tokens_to_map(ops.transpose(y, (0, 2, 1)) if paper else y)
            z = ops.add(z, self._weighted(ops, y, name, "c"))
        return z

    def _weighted(self, ops: Ops[T], y: T, name: str, branch: str) -> T:
        """alpha omega(y) of Eq. 4."""
        alpha = self.parameters.scalar(f"{name}.alpha_{branch}")
        return ops.conv(y, self.parameters.layer(f"{name}.omega_{branch}").scaled(alpha))
