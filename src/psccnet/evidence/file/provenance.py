"""Content Credentials (C2PA): a signed record of where a picture comes from and how it was edited."""

import io
import json
from importlib.util import find_spec
from typing import Literal

State = Literal["none", "present", "valid", "broken"]
"""No record; one that was not checked (c2pa-python is not installed); one that fits the file; one that does not."""

WORDS: dict[State, str] = {
    "none": "",
    "present": "It carries Content Credentials (C2PA), which were not checked: pip install 'psccnet[c2pa]'.",
    "valid": "It carries Content Credentials (C2PA) whose signature fits the file.",
    "broken": "It carries Content Credentials (C2PA) that do not fit the file: it was changed after they were signed,"
    " or they are forged.",
}


def provenance(data: bytes, mime: str) -> State:
    """Look for Content Credentials, and validate them if c2pa-python is installed.

    Args:
        data: the file's bytes.
        mime: media type of the file, such as "image/jpeg".
    """
    # The label of the box that holds the record, in every format (C2PA specification 2.1, section 11.1.4).
    if b"jumb" not in data or b"c2pa" not in data:
        return "none"
    if find_spec("c2pa") is None:
        return "present"
    from c2pa import C2paError, Reader

    try:
        with Reader(mime, io.BytesIO(data)) as reader:
            manifest = json.loads(reader.json())
    except C2paError:
        return "broken"
    # Whether the signer is on a list of trusted signers is a separate question.
    faults = {status.get("code", "") for status in manifest.get("validation_status", [])}
    return "broken" if faults - {"signingCredential.untrusted"} else "valid"
