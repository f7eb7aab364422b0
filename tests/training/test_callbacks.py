import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from psccnet.training.callbacks import Checkpoints, JsonLines


class FakeTrainer(SimpleNamespace):
    """What the callback needs of a trainer."""

    def __init__(self, callback: Checkpoints) -> None:
        super().__init__(
            callback=callback,
            callback_metrics={},
            sanity_checking=False,
            is_global_zero=True,
            world_size=1,
            state=SimpleNamespace(fn="fit"),
            should_stop=False,
            global_step=0,
            estimated_stepping_batches=100,
        )

    def save_checkpoint(self, path: Path) -> None:
        states = {self.callback.state_key: self.callback.state_dict()}
        torch.save({"callbacks": states, "global_step": self.global_step}, path)


def step_of(path: Path) -> int:
    step: int = torch.load(path, weights_only=False)["global_step"]
    return step


def validated(trainer: FakeTrainer, step: int, score: float) -> None:
    trainer.global_step = step
    trainer.callback_metrics["val/score"] = torch.tensor(score)
    trainer.callback.on_validation_end(trainer, None)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still until it is set."""
    clock = SimpleNamespace(now=1000.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr("psccnet.training.callbacks.time", clock)
    return clock


def test_last_is_written_every_few_minutes(tmp_path: Path, clock: SimpleNamespace) -> None:
    trainer = FakeTrainer(Checkpoints(tmp_path, minutes=2))
    written = []
    for step in range(1, 7):
        clock.now += 50
        trainer.global_step = step
        trainer.callback.on_train_batch_end(trainer)
        written.append(step_of(tmp_path / "last.ckpt") if (tmp_path / "last.ckpt").exists() else None)
    assert written == [None, None, 3, 3, 3, 6]
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]
    assert not trainer.should_stop


def test_a_slice_ends_with_a_checkpoint(tmp_path: Path, clock: SimpleNamespace) -> None:
    trainer = FakeTrainer(Checkpoints(tmp_path, minutes=60, max_seconds=100))
    for step, stopped in ((1, False), (2, False), (3, True)):
        clock.now += 40
        trainer.global_step = step
        trainer.callback.on_train_batch_end(trainer)
        assert trainer.should_stop == stopped
        assert (tmp_path / "last.ckpt").exists() == stopped
    assert step_of(tmp_path / "last.ckpt") == 3


def test_the_last_step_is_always_written(tmp_path: Path) -> None:
    trainer = FakeTrainer(Checkpoints(tmp_path, minutes=60))
    trainer.global_step = 100
    trainer.callback.on_train_batch_end(trainer)
    assert step_of(tmp_path / "last.ckpt") == 100


def test_best_is_kept_by_score(tmp_path: Path) -> None:
    trainer = FakeTrainer(Checkpoints(tmp_path, minutes=60))
    trainer.callback.on_validation_end(trainer, None)
    assert not (tmp_path / "best.ckpt").exists()
    for step, score, best in ((1, 0.6, 1), (2, 0.5, 1), (3, 0.7, 3)):
        validated(trainer, step, score)
        assert step_of(tmp_path / "best.ckpt") == best


def test_best_survives_a_slice_that_validated_after_its_checkpoint(tmp_path: Path) -> None:
    first = FakeTrainer(Checkpoints(tmp_path, minutes=60, max_seconds=-1))
    state: dict[str, Any] = first.callback.state_dict()
    first.callback.on_train_batch_end(first)
    validated(first, 1, 0.9)

    second = FakeTrainer(Checkpoints(tmp_path, minutes=60))
    second.callback.load_state_dict(state)
    validated(second, 2, 0.5)
    assert step_of(tmp_path / "best.ckpt") == 1
    validated(second, 3, 0.95)
    assert step_of(tmp_path / "best.ckpt") == 3


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = FakeTrainer(Checkpoints(tmp_path, minutes=60))
    trainer.callback.save(trainer, "last.ckpt")

    def full(path: Path) -> None:
        path.write_bytes(b"half a checkpoint")
        raise OSError("No space left on device")

    trainer.save_checkpoint = full
    with pytest.raises(OSError, match="No space"):
        trainer.callback.save(trainer, "last.ckpt")
    assert step_of(tmp_path / "last.ckpt") == 0


def test_curves_are_appended_as_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "curves.jsonl"
    JsonLines(path).log_metrics({"train/loss": 0.5}, step=3)
    JsonLines(path).log_metrics({"val/score": 0.75, "epoch": 0}, step=4)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.pop("time") > 1e9 for line in lines] == [True, True]
    assert lines == [{"step": 3, "train/loss": 0.5}, {"step": 4, "val/score": 0.75, "epoch": 0}]
