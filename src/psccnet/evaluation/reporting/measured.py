"""The rows of several runs under one protocol: what tables and figures are made of."""

from collections.abc import Collection
from dataclasses import dataclass, field

from psccnet.evaluation.protocol import Condition
from psccnet.evaluation.reporting.table import Cell
from psccnet.evaluation.rows import Row
from psccnet.evaluation.stored_runs import Source, provenance_note
from psccnet.evaluation.summary import scores_of


@dataclass
class Measured:
    """The rows of runs under one protocol.

    Attributes:
        sets: their names, in the order of columns.
        comparators: name -> threshold of its verdict, in the order of rows.
        conditions: of the protocol.
        rows: (set, comparator, condition) -> one row a picture.
        sources: what it was measured with.
    """

    sets: list[str]
    comparators: dict[str, float]
    conditions: tuple[Condition, ...]
    rows: dict[tuple[str, str, str], list[Row]]
    sources: list[Source] = field(default_factory=list)

    def cell(self, set_name: str, comparator: str, score: str, condition: str = "") -> Cell:
        """A score of a set with its interval; NaN where it was not measured."""
        return self.cells(set_name, comparator, (score,), condition)[0]

    def cells(self, set_name: str, comparator: str, scores: Collection[str], condition: str = "") -> list[Cell]:
        """Several scores of a set, each with its interval; NaN where it was not measured."""
        rows = self.rows.get((set_name, comparator, condition))
        if not rows:
            return [Cell(float("nan")) for _ in scores]
        return [Cell(*ends) for ends in scores_of(rows, scores, self.comparators[comparator]).values()]

    def provenance(self) -> list[str]:
        """When, where and with what it was measured, one sentence; none where nothing is known."""
        return [provenance_note(self.sources)] if self.sources else []

    def uncommon(self) -> dict[str, list[str]]:
        """Leave out the pictures that not all comparators were measured on under all conditions, with the same files.

        Figures beside each other are then of the same pictures.

        Returns:
            Set -> the ids of its pictures that were left out; only sets that lost some.
        """
        left_out = {}
        for set_name in self.sets:
            parts = [rows for (name, _, _), rows in self.rows.items() if name == set_name]
            keys = [{_key(row) for row in rows} for rows in parts]
            common = set.intersection(*keys) if keys else set()
            for rows in parts:
                rows[:] = [row for row in rows if _key(row) in common]
            lost = {name for name, *_ in set().union(*keys) - common}
            if lost:
                left_out[set_name] = sorted(lost)
        return left_out

    def keep_common(self) -> list[str]:
        """`uncommon`, with a sentence for each picture that was left out."""
        return [
            f"{set_name}: {name} was not measured by all; left out for all"
            for set_name, names in self.uncommon().items()
            for name in names
        ]

    def forged(self) -> str:
        """How many forged pictures of each set were measured, one sentence."""
        ids: dict[str, set[str]] = {set_name: set() for set_name in self.sets}
        for (set_name, _, _), rows in self.rows.items():
            ids[set_name] |= {row.id for row in rows if row.forged}
        return f"Forged pictures: {', '.join(f'{name} {len(found)}' for name, found in ids.items())}."

    def has(self, comparator: str, condition: str) -> bool:
        """Whether a comparator was measured under a condition on any set."""
        return any((set_name, comparator, condition) in self.rows for set_name in self.sets)


def _key(row: Row) -> tuple[str, str, str]:
    """A picture whose file or truth changed since is another one."""
    return row.id, row.sha256, row.truth_sha256
