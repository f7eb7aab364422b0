"""The paper's network as plain torch modules (Figs. 2 and 3, Section III); imports nothing else of this package.

`Architecture` does not need torch. The modules are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from psccnet.network.architecture import Architecture

if TYPE_CHECKING:
    from psccnet.network.initialisation import initialise
    from psccnet.network.losses import PSCCLoss
    from psccnet.network.psccnet import Prediction, PSCCNet

__all__ = ["Architecture", "PSCCLoss", "PSCCNet", "Prediction", "initialise"]

_NEEDS_TORCH = {"PSCCLoss": "losses", "PSCCNet": "psccnet", "Prediction": "psccnet", "initialise": "initialisation"}


def __getattr__(name: str) -> Any:
    if name not in _NEEDS_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_NEEDS_TORCH[name]}"), name)
