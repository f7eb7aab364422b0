import json
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from psccnet.errors import WriteError
from psccnet.training.callbacks import Checkpoints
from psccnet.training.curves import JsonLines, cut_curves, is_validated, read_curves
from psccnet.training.stopping import Limit, Stopped


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
            is_last_batch=False,
            check_val_every_n_epoch=2,
            current_epoch=1,
            limit_val_batches=1.0,
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
    for module in ("callbacks", "stopping"):
        monkeypatch.setattr(f"psccnet.training.{module}.time", clock)
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
    trainer = FakeTrainer(Checkpoints(tmp_path, minutes=60, limit=Limit(100)))
    for step, stopped in ((1, False), (2, False), (3, True)):
        clock.now += 40
        trainer.global_step = step
        trainer.callback.on_train_batch_end(trainer)
        assert trainer.should_stop == stopped
        assert trainer.limit_val_batches == (0 if stopped else 1)
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


def test_the_best_score_survives_a_slice(tmp_path: Path) -> None:
    trainer = FakeTrainer(Checkpoints(tmp_path, minutes=60))
    trainer.callback.best = 0.9  # of the curves
    trainer.callback.load_state_dict({"best": 0.8})
    validated(trainer, 2, 0.85)
    assert not (tmp_path / "best.ckpt").exists()
    trainer.callback.load_state_dict({"best": 0.95})
    validated(trainer, 3, 0.96)
    assert trainer.callback.state_dict() == {"best": pytest.approx(0.96)}
    assert step_of(tmp_path / "best.ckpt") == 3


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = FakeTrainer(Checkpoints(tmp_path, minutes=60))
    trainer.callback.save(trainer, "last.ckpt")

    def full(path: Path) -> None:
        path.write_bytes(b"half a checkpoint")
        raise OSError(28, "No space left on device")

    trainer.save_checkpoint = full
    with pytest.raises(WriteError, match=r"last\.ckpt: cannot be written \(No space left on device\)"):
        trainer.callback.save(trainer, "last.ckpt")
    assert step_of(tmp_path / "last.ckpt") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


def test_last_is_written_before_a_validation(tmp_path: Path) -> None:
    trainer = FakeTrainer(Checkpoints(tmp_path, minutes=60))
    for epoch, last_batch, written in ((1, False, False), (2, True, False), (3, True, True)):
        trainer.current_epoch, trainer.is_last_batch = epoch, last_batch
        trainer.callback.on_train_batch_end(trainer)
        assert (tmp_path / "last.ckpt").exists() == written


def test_a_validation_is_cut_when_time_is_up(tmp_path: Path, clock: SimpleNamespace) -> None:
    trainer = FakeTrainer(Checkpoints(tmp_path, minutes=60, limit=Limit(100)))
    clock.now += 99
    trainer.callback.on_validation_batch_start(trainer, None, None, 0)
    trainer.state.fn, trainer.callback.share = "validate", 0.5
    with pytest.raises(Stopped):
        trainer.callback.on_validation_batch_start(trainer, None, None, 1)
    trainer.state.fn = "fit"
    clock.now += 2
    with pytest.raises(Stopped):
        trainer.callback.on_validation_batch_start(trainer, None, None, 1)


def test_the_last_weights_are_the_best_where_they_are_validated_later(tmp_path: Path) -> None:
    trainer = FakeTrainer(Checkpoints(tmp_path, minutes=60))
    trainer.callback.save(trainer, "last.ckpt")
    trainer.state.fn = "validate"
    validated(trainer, 0, 0.5)
    assert not (tmp_path / "best.ckpt").exists()  # these were the weights that the run starts from
    trainer.callback.of_last = True
    validated(trainer, 0, 0.4)
    assert not (tmp_path / "best.ckpt").exists()
    validated(trainer, 0, 0.6)
    assert (tmp_path / "best.ckpt").read_bytes() == (tmp_path / "last.ckpt").read_bytes()


def test_a_request_to_stop_ends_the_run_after_its_step(tmp_path: Path, clock: SimpleNamespace) -> None:
    trainer = FakeTrainer(Checkpoints(tmp_path, minutes=60))
    limit = trainer.callback.limit
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with limit.listening():
        trainer.callback.on_train_batch_end(trainer)
        assert not trainer.should_stop
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)  # torchrun repeats what the terminal sent
        trainer.callback.on_train_batch_end(trainer)
        assert trainer.should_stop
        assert (tmp_path / "last.ckpt").exists()
        clock.now += 5
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGINT)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_curves_hold_each_step_once(tmp_path: Path) -> None:
    curves = JsonLines(tmp_path / "curves.jsonl")
    for step in range(4):
        curves.log_metrics({"train/loss": step / 10}, step)
    curves.log_metrics({"val/score": 0.5}, 3)
    with curves.path.open("a") as file:
        file.write('{"step": 5, "tra')
    assert is_validated(tmp_path, 4)
    assert not is_validated(tmp_path, 3)
    cut_curves(tmp_path, 3)
    curves.log_metrics({"train/loss": 0.9}, 3)
    assert [(line["step"], line["train/loss"]) for line in read_curves(tmp_path)] == [
        (0, 0),
        (1, 0.1),
        (2, 0.2),
        (3, 0.9),
    ]
    assert not is_validated(tmp_path, 4)
    assert read_curves(tmp_path / "nowhere") == []


def test_curves_are_appended_as_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "curves.jsonl"
    JsonLines(path).log_metrics({"train/loss": 0.5}, step=3)
    JsonLines(path).log_metrics({"val/score": 0.75, "epoch": 0}, step=4)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.pop("time") > 1e9 for line in lines] == [True, True]
    assert lines == [{"step": 3, "train/loss": 0.5}, {"step": 4, "val/score": 0.75, "epoch": 0}]
