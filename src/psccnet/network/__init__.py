"""The paper's network as plain torch modules (Figs. 2 and 3, Section III); imports nothing of ours."""

from psccnet.network.initialisation import initialise
from psccnet.network.losses import PSCCLoss
from psccnet.network.psccnet import Prediction, PSCCNet

__all__ = ["PSCCLoss", "PSCCNet", "Prediction", "initialise"]
