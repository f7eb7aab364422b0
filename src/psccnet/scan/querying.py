"""Query the results of a scan in SQL (DuckDB)."""

from pathlib import Path
from typing import Any

from psccnet.errors import InputError
from psccnet.scan.results import PARTS, ScanFolder
from psccnet.scan.rows import OF_RESULT

_VIEW = """
CREATE VIEW results AS
WITH latest AS (
    SELECT *, row_number() OVER (PARTITION BY source ORDER BY done_at DESC) AS nth FROM read_parquet('{files}')
),
looked_at AS (
    SELECT *, row_number() OVER (PARTITION BY sha256 ORDER BY state, done_at) AS first
    FROM latest WHERE nth = 1 AND state <> 'same' AND sha256 IS NOT NULL
)
SELECT
    mine.source, mine.key,
    CASE WHEN mine.state = 'same' AND coalesce(theirs.state, 'failed') = 'failed' THEN 'failed'
         ELSE mine.state END AS state,
    CASE WHEN mine.state = 'same' THEN theirs.reason ELSE mine.reason END AS reason,
    {filled},
    mine.bytes, mine.done_at
FROM latest AS mine
LEFT JOIN looked_at AS theirs ON mine.state = 'same' AND theirs.sha256 = mine.sha256 AND theirs.first = 1
WHERE mine.nth = 1
"""
"""The newest row of each picture; the row of a picture that was not computed has the result of equal bytes."""
_FILLED = (*OF_RESULT, "mask")


def connect(folder: Path) -> Any:
    """Open a DuckDB connection with the view `results`, one row per picture.

    Args:
        folder: the --out of `psccnet scan`.

    Raises:
        InputError: if DuckDB is not installed, or the folder holds no results.
    """
    try:
        import duckdb
    except ModuleNotFoundError as error:
        raise InputError("this needs DuckDB: pip install 'psccnet[scan]'") from error
    results = ScanFolder(folder)
    results.description()
    if not results.files():
        raise InputError(f"{folder}: the scan has no results yet; run it again.")
    # DuckDB must not download extensions.
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    files = str(folder / PARTS / "*" / "*.parquet").replace("'", "''")
    filled = ", ".join(f"coalesce(mine.{name}, theirs.{name}) AS {name}" for name in _FILLED)
    connection.execute(_VIEW.format(files=files, filled=filled))
    return connection


def ask(connection: Any, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run a query; return its column names and rows.

    Raises:
        InputError: if the query is wrong; the message says where.
    """
    import duckdb

    try:
        answer = connection.execute(sql)
        return [column[0] for column in answer.description], answer.fetchall()
    except duckdb.Error as error:
        reason = " ".join(str(error).split())
        raise InputError(f"the query fails: {reason}") from error
