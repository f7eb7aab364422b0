import os

from hypothesis import given
from hypothesis import strategies as st

from psccnet.scan import keys as module
from psccnet.scan.keys import Claims, Keys

# Few first halves, so that keys are told apart by their second.
KEYS = st.builds(
    lambda high, low: high + low, st.sampled_from([b"\0" * 8, b"\xff" * 8]), st.binary(min_size=8, max_size=8)
)


@given(st.lists(KEYS), st.lists(KEYS))
def test_it_is_a_set(first: list[bytes], others: list[bytes]) -> None:
    keys, known = Keys(b"".join(first)), set(first)
    assert keys.has_each(others) == [key in known for key in others]
    for key in others:
        assert (key in keys) == (key in known)
        assert keys.add(key) == (key not in known)
        known.add(key)
    assert len(keys) == len(known)
    assert keys.has_each(first + others) == [True] * len(first + others)
    assert Keys(keys.packed()).packed() == b"".join(sorted(known))


def test_many_are_sorted_in(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(module, "_RECENT", 100)
    keys, known = Keys(), [os.urandom(16) for _ in range(1_050)]
    assert all(keys.add(key) for key in known)
    assert not any(keys.add(key) for key in known)
    assert all(key in keys for key in known)
    assert os.urandom(16) not in keys
    assert len(keys) == 1_050


def test_a_picture_that_is_tried_again_keeps_its_claim() -> None:
    known, digest, first, other = (bytes([number]) * 16 for number in range(4))
    claims = Claims(known)
    assert not claims.claim(known, first)
    assert claims.claim(digest, first)
    assert not claims.claim(digest, other)
    assert claims.claim(digest, first)  # as when its process died
