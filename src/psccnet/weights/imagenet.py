"""The ImageNet start of the top-down path (Section IV-A.3)."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from psccnet.errors import WeightsError, listed
from psccnet.network.psccnet import PSCCNet
from psccnet.weights.states import read_state


@dataclass(frozen=True)
class ImageNetReport:
    """What an ImageNet file gave the top-down path; names are those of `network.top_down`'s state dict.

    Attributes:
        filled: tensors taken from the file.
        left: tensors left at their initial value: not in the file, or there in another shape.
        unused: tensors of the file that were not taken: more modules, the classifier, other shapes.
        filled_values: numbers taken, of `values` in all.
        values: numbers in the top-down path, with the means and variances of its batch norms.
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

    Whatever fits in name and shape is taken: of stages 3 and 4 the file has more modules than PSCC-Net, so
    only their first fits. The batch norms' counts of batches are left alone.

    Args:
        network: whose `top_down` is filled; its other parts are not touched.
        path: .pth of HRNet-Image-Classification, or .pth or .safetensors of timm (the same names).

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
            f"{path} has nothing that fits the top-down path "
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
