import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from psccnet.network import Prediction, PSCCLoss
from psccnet.network.losses import downsample_ground_truth, mask_loss


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def prediction() -> tuple[Prediction, Tensor, Tensor]:
    """Two pictures of 8x8, the first forged in its top left quarter; every mask says 0.9, 0.8, 0.7 or 0.6."""
    masks = [torch.full((2, 1, 8 >> scale, 8 >> scale), logit(p)) for scale, p in enumerate((0.9, 0.8, 0.7, 0.6))]
    truth = torch.zeros(2, 1, 8, 8)
    truth[0, :, :4, :4] = 1
    detection = torch.tensor([[0.0, logit(0.75)], [0.0, logit(0.4)]])
    return Prediction(masks, detection), truth, torch.tensor([1, 0])


def test_eq_5_by_hand() -> None:
    parts = PSCCLoss("paper")(*prediction())
    # An eighth of the pixels is forged at scales 1 to 3; scale 4 is one pixel a picture, and none has a majority.
    for name, p, share in (("mask1", 0.9, 1 / 8), ("mask2", 0.8, 1 / 8), ("mask3", 0.7, 1 / 8), ("mask4", 0.6, 0)):
        expected = -share * math.log(p) - (1 - share) * math.log(1 - p)
        assert parts[name].item() == pytest.approx(expected, rel=1e-5)
    assert parts["detection"].item() == pytest.approx(-(math.log(0.75) + math.log(0.6)) / 2, rel=1e-5)
    masks = sum(parts[f"mask{scale}"].item() for scale in range(1, 5))
    assert parts["loss"].item() == pytest.approx(parts["detection"].item() + masks / 4, rel=1e-6)


def test_released_weights_by_hand() -> None:
    heavier = PSCCLoss("paper", masks=4.0)(*prediction())
    plain = PSCCLoss("paper")(*prediction())
    torch.testing.assert_close(heavier["loss"] - plain["loss"], 3 * (plain["loss"] - plain["detection"]))
    parts = PSCCLoss("released")(*prediction())
    # 0.5 / frequency makes each class count half, whatever its share; without a forged pixel all weights are 1.
    for name, p in (("mask1", 0.9), ("mask2", 0.8), ("mask3", 0.7)):
        assert parts[name].item() == pytest.approx(-(math.log(p) + math.log(1 - p)) / 2, rel=1e-5)
    assert parts["mask4"].item() == pytest.approx(-math.log(0.4), rel=1e-5)
    # Weights 4 (pristine) and 4/3 (forged), normalised by their sum.
    detection = -(4 / 3 * math.log(0.75) + 4 * math.log(0.6)) / (4 / 3 + 4)
    assert parts["detection"].item() == pytest.approx(detection, rel=1e-5)
    masks = sum(parts[f"mask{scale}"].item() for scale in range(1, 5))
    assert parts["loss"].item() == pytest.approx(detection + masks, rel=1e-5)


def test_released_weights_of_single_pixels() -> None:
    logits = torch.tensor([0.3, -1.2, 2.0, 0.5]).reshape(1, 1, 2, 2)
    truth = torch.tensor([1.0, 0.0, 0.0, 0.0]).reshape(1, 1, 2, 2)
    p = torch.sigmoid(logits).flatten()
    expected = -(2 * p[0].log() + 2 / 3 * (1 - p[1:]).log().sum()) / 4
    torch.testing.assert_close(mask_loss(logits, truth, "released"), expected)
    pristine = -(1 - p).log().mean()
    torch.testing.assert_close(mask_loss(logits, torch.zeros_like(truth), "released"), pristine)
    # The weights are ones only where nothing is forged: all forged is 0.5 / 1.
    torch.testing.assert_close(mask_loss(logits, torch.ones_like(truth), "released"), -p.log().mean() / 2)


@pytest.mark.parametrize("weighting", ["paper", "released"])
def test_extreme_logits_stay_finite(weighting: str) -> None:
    said, truth, forged = prediction()
    huge = Prediction([mask * 1e4 for mask in said.mask_logits], said.detection_logits * 1e4)
    huge.detection_logits.requires_grad_()
    parts = PSCCLoss(weighting)(huge, truth, forged)
    assert all(torch.isfinite(part) for part in parts.values())


def test_half_precision_is_not_used_for_the_loss() -> None:
    said, truth, forged = prediction()
    low = Prediction([mask.bfloat16() for mask in said.mask_logits], said.detection_logits.bfloat16())
    assert all(part.dtype == torch.float32 for part in PSCCLoss()(low, truth, forged).values())


def test_the_paper_takes_the_majority_of_each_cell() -> None:
    mask = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 1], [0, 0, 1, 1], [0, 1, 1, 1]]).float()[None, None]
    assert downsample_ground_truth(mask, (2, 2))[0, 0].tolist() == [[1, 0], [0, 1]]
    assert downsample_ground_truth(mask, (4, 4)) is mask


def masks() -> list[np.ndarray]:
    """Rectangles whose edges halve cells, a disc and noise, 0 or 1."""
    rectangles = np.zeros((64, 96), np.uint8)
    rectangles[5:30, 7:41] = rectangles[37:60, 50:89] = 1
    y, x = np.mgrid[:64, :96]
    disc = ((y - 30) ** 2 + (x - 51) ** 2 < 400).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 2, (64, 96), dtype=np.uint8)
    return [rectangles, disc, noise]


@pytest.mark.parametrize("mask", masks(), ids=["rectangles", "disc", "noise"])
@pytest.mark.parametrize("ratio", [2, 4, 8])
def test_released_ground_truth_is_pillows(mask: np.ndarray, ratio: int) -> None:
    height, width = 64 // ratio, 96 // ratio
    picture = Image.fromarray(mask * np.uint8(255)).resize((width, height), Image.Resampling.BICUBIC)
    expected = np.asarray(picture) / 255 > 0.5
    found = downsample_ground_truth(torch.from_numpy(mask)[None, None].float(), (height, width), "released")
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found[0, 0].numpy(), expected)
