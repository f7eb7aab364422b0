"""A table of figures, and the forms it is written in: Markdown, LaTeX, CSV and Parquet."""

import csv
import io
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from psccnet.pictures.whole_files import make_folder, write_whole


@dataclass(frozen=True)
class Cell:
    """A figure.

    Attributes:
        value: NaN where there is none.
        low: end of its 95 % interval, or NaN.
        high: the other end.
        percent: shown as a percentage with two digits, as the paper does; otherwise as it is.

    Examples:
        >>> Cell(0.7624, 0.731, 0.793).text(), Cell(float("nan")).text()
        ('76.2 [73.1–79.3]', '-')
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    percent: bool = True

    def text(self, dash: str = "–") -> str:
        """As shown, the interval in brackets."""
        if math.isnan(self.value):
            return "-"
        scale, digits = (100, 1) if self.percent else (1, 2)
        ends = ""
        if not math.isnan(self.low):
            ends = f" [{self.low * scale:.{digits}f}{dash}{self.high * scale:.{digits}f}]"
        return f"{self.value * scale:.{digits}f}{ends}"


@dataclass
class Table:
    """Named columns and rows of words and figures.

    Attributes:
        name: short, for files.
        title: what it shows.
        columns: their headings; the first ones hold text.
        rows: one value a column.
        notes: what a reader must know.

    Examples:
        >>> table = Table("II", "Localization", ["method", "CASIA"], [["default", Cell(0.762)]])
        >>> print(table.markdown().splitlines()[-1])
        | default | 76.2 |
    """

    name: str
    title: str
    columns: list[str]
    rows: list[list[str | Cell]]
    notes: list[str] = field(default_factory=list)

    def _figures(self) -> list[bool]:
        """Whether a column holds figures."""
        return [any(isinstance(row[at], Cell) for row in self.rows) for at in range(len(self.columns))]

    def markdown(self) -> str:
        """A GitHub-flavoured Markdown table under its title."""
        lines = [
            f"**{self.title}**",
            "",
            "| " + " | ".join(self.columns) + " |",
            "|" + "|".join("---:" if figures else "---" for figures in self._figures()) + "|",
        ]
        lines += ["| " + " | ".join(_text(value).replace("|", "\\|") for value in row) + " |" for row in self.rows]
        return "\n".join(lines + [line for note in self.notes for line in ("", note)]) + "\n"

    def latex(self) -> str:
        """A `table` environment that needs the booktabs package."""
        shape = "".join("r" if figures else "l" for figures in self._figures())
        body = [" & ".join(_latex(_text(value, "--")) for value in row) + r" \\" for row in self.rows]
        notes = " ".join(_latex(note) for note in self.notes)
        lines = [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_latex(self.title)}. {notes}}}".replace(". }", "}"),
            rf"\begin{{tabular}}{{{shape}}}",
            r"\toprule",
            " & ".join(_latex(column) for column in self.columns) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
        return "\n".join(lines) + "\n"

    def csv(self) -> str:
        """Figures at full precision, each with its interval's ends in columns of their own."""
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self._flat()))
        writer.writeheader()
        flat = self._flat()
        writer.writerows({name: values[at] for name, values in flat.items()} for at in range(len(self.rows)))
        return text.getvalue()

    def _flat(self) -> dict[str, list[str | float | None]]:
        """Column -> values, with "COLUMN low" and "COLUMN high" where a figure has an interval."""
        flat: dict[str, list[str | float | None]] = {}
        for at, (name, figures) in enumerate(zip(self.columns, self._figures(), strict=True)):
            values = [row[at] for row in self.rows]
            if not figures:
                flat[name] = [str(value) for value in values]
                continue
            cells = [value if isinstance(value, Cell) else Cell(math.nan) for value in values]
            flat[name] = [cell.value for cell in cells]
            if any(not math.isnan(cell.low) for cell in cells):
                flat[f"{name} low"], flat[f"{name} high"] = [cell.low for cell in cells], [cell.high for cell in cells]
        return flat

    def parquet(self) -> bytes:
        """The columns of `csv` as a Parquet file."""
        sink = io.BytesIO()
        pq.write_table(pa.table(self._flat()), sink, compression="zstd")
        return sink.getvalue()


def _text(value: str | Cell, dash: str = "–") -> str:
    return value.text(dash) if isinstance(value, Cell) else value


def _latex(text: str) -> str:
    for sign, written in (("\\", r"\textbackslash "), ("&", r"\&"), ("%", r"\%"), ("_", r"\_"), ("#", r"\#")):
        text = text.replace(sign, written)
    return text.replace("†", r"$\dagger$").replace("sigma", r"$\sigma$")


def plain_name(text: str) -> str:
    """Words as part of a file's name: letters, digits, dots and hyphens only.

    Examples:
        >>> plain_name("Table IV: CASIA v1")
        'Table-IV-CASIA-v1'
    """
    return re.sub(r"[^\w.-]+", "-", text).strip("-.") or "-"


def write_tables(tables: list[Table], folder: Path, name: str) -> list[Path]:
    """Write tables as NAME.md and NAME.tex, and each one as CSV and Parquet under its own name.

    Returns:
        The files, all written or none.
    """
    make_folder(folder)
    contents = {
        folder / f"{name}.md": "\n".join(table.markdown() for table in tables).encode(),
        folder / f"{name}.tex": "\n".join(table.latex() for table in tables).encode(),
    }
    for table in tables:
        contents[folder / f"{plain_name(table.name)}.csv"] = table.csv().encode()
        contents[folder / f"{plain_name(table.name)}.parquet"] = table.parquet()
    write_whole(contents)
    return list(contents)
