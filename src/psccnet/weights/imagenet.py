"""Start the top-down path from ImageNet weights (Section IV-A.3)."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from psccnet.errors import WeightsError, listed
from psccnet.network.psccnet import PSCCNet
from psccnet.weights.states import read_state


@dataclass(frozen=True)
class ImageNetReport:
    """Which tensors an ImageNet file filled; names are keys of `network.top_down.state_dict()`.

    Attributes:
        filled: tensors taken from the file.
        left: tensors left at their initial value: not in the file, or of another shape there.
        unused: tensors of the file that were not taken: further modules, the classifier, other shapes.
        filled_values: number of values taken.
        values: number of values in the top-down path, with the means and variances of batch norms.
    """

    filled: tuple[str, ...]
    left: tuple[str, ...]
    unused: tuple[str, ...]
    filled_values: int
    values: int

    def __str__(self) -> str:
        """The report in a few lines, for people."""
        total = len(self.filled) + len(self.left)
        lines = [
            f"filled from ImageNet: {len(self.filled)} of {total} tensors of the top-down path"
            f" ({self.filled_values:,} of {self.values:,} values)",
            f"left at initial value: {len(self.left)}" + (f" ({listed(self.left)})" if self.left else ""),
            f"unused from the file: {len(self.unused)}" + (f" ({listed(self.unused)})" if self.unused else ""),
        ]
        return "\n".join(lines)


def initialise_from_imagenet(network: PSCCNet, path: str | Path) -> ImageNetReport:
    """Fill the top-down path from an HRNet-W18-small-v2 trained on ImageNet, in place.

    All tensors of the same name and shape are taken. The file has more modules in stages 3 and 4 than PSCC-Net; only
    the first of each stage is taken. The batch counts of batch norms (`num_batches_tracked`) are not.

    Args:
        network: its `top_down` is filled; other parts do not change.
        path: .pth of HRNet-Image-Classification, or .pth or .safetensors of timm (with the same names).

    Raises:
        WeightsError: if the file cannot be read or nothing in it fits.
    """
    path = Path(path)
    offered = {key: value for key, value in read_state(path).items() if _counts(key)}
    own = {key: value for key, value in network.top_down.state_dict().items() if _counts(key)}
    fitting: dict[str, Tensor] = {
        key: offered[key] for key, value in own.items() if key in offered and offered[key].shape == value.shape
    }
    if not fitting:
        raise WeightsError(
            f"{path} has nothing that fits the top-down path"
            f" (it holds {listed(list(offered), 3) or 'no tensors'}): give a state dict of HRNet-W18-small-v2"
        )
    network.top_down.load_state_dict(fitting, strict=False)
    return ImageNetReport(
        filled=tuple(fitting),
        left=tuple(key for key in own if key not in fitting),
        unused=tuple(key for key in offered if key not in fitting),
        filled_values=sum(value.numel() for value in fitting.values()),
        values=sum(value.numel() for value in own.values()),
    )


def _counts(key: str) -> bool:
    return not key.endswith("num_batches_tracked")
