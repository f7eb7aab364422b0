"""The rows of a scan, one per picture, in Parquet."""

import io
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from psccnet.inference import Result

Row = dict[str, Any]

_TEXT, _REAL, _WHOLE = pa.string(), pa.float64(), pa.int64()
SCHEMA = pa.schema(
    [
        ("source", _TEXT),
        ("key", pa.binary(16)),
        ("state", _TEXT),
        ("reason", _TEXT),
        ("verdict", _TEXT),
        ("words", _TEXT),
        ("false_alarms", _REAL),
        ("reasons", pa.list_(_TEXT)),
        ("score", _REAL),
        ("threshold", _REAL),
        ("forged_fraction", _REAL),
        ("level", _REAL),
        ("marked_fraction", _REAL),
        ("width", _WHOLE),
        ("height", _WHOLE),
        ("sha256", _TEXT),
        ("model", _TEXT),
        ("seconds", _REAL),
        ("exit_scale", _WHOLE),
        ("localized", pa.bool_()),
        ("notes", pa.list_(_TEXT)),
        (
            "findings",
            pa.list_(
                pa.struct(
                    [
                        ("name", _TEXT),
                        ("sentence", _TEXT),
                        ("how_to_read", _TEXT),
                        ("false_alarms", _REAL),
                        ("significant", pa.bool_()),
                        ("regions", _TEXT),
                        ("source", _TEXT),
                    ]
                )
            ),
        ),
        ("mask", _TEXT),
        ("bytes", _WHOLE),
        ("done_at", pa.timestamp("ms", tz="UTC")),
    ]
)
"""The columns. `state` is "done", "failed" (with the reason) or "same": equal bytes were computed under another name,
and the view of `psccnet scan query` shows their result. `key` identifies name, size and time of the file. `regions` of
findings are JSON. `seconds` is the network's time, `bytes` the size of the file. All others are as in
`Result.to_dict()`."""

_OWN = ("source", "key", "state", "reason", "mask", "bytes", "done_at")
OF_RESULT = tuple(name for name in SCHEMA.names if name not in _OWN)
"""The columns that come from a result."""


def of_result(result: "Result") -> Row:
    """The columns of a row that come from a result."""
    values = result.to_dict()
    findings = [{**finding, "regions": json.dumps(finding["regions"])} for finding in values["findings"]]
    return {name: values[name] for name in OF_RESULT} | {"findings": findings}


def to_parquet(rows: list[Row], about: dict[str, str] | None = None) -> bytes:
    """The bytes of a Parquet file with rows.

    Args:
        rows: columns of `SCHEMA` by name; missing ones are null.
        about: for the file's metadata.

    Examples:
        >>> data = to_parquet([{"source": "a.jpg", "state": "done", "score": 0.5}])
        >>> pq.read_table(pa.BufferReader(data))["score"].to_pylist()
        [0.5]
    """
    fields = [[_as_text(name, row.get(name)) for row in rows] for name in SCHEMA.names]
    table = pa.Table.from_arrays(
        [pa.array(values, field.type) for values, field in zip(fields, SCHEMA, strict=True)], schema=SCHEMA
    )
    return from_table(table, about)


def from_table(table: pa.Table, about: dict[str, str] | None = None) -> bytes:
    """The bytes of a Parquet file with a table of `SCHEMA`."""
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(about), sink, compression="zstd")
    return sink.getvalue()


def _as_text(name: str, value: Any) -> Any:
    """Escape bytes of file names that are not valid text, since Parquet's strings must be."""
    if name in ("source", "reason") and isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value
