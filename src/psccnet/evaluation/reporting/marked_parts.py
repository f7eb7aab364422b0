"""Generated parts of a Markdown file, each between two comments that name it; what people wrote around them stays."""

from pathlib import Path

from psccnet.errors import InputError
from psccnet.evaluation.reporting.at_hand import Part
from psccnet.pictures.whole_files import make_folder, read_text, write_whole

BEGIN, END = "<!-- begin: psccnet table {} -->", "<!-- end: psccnet table {} -->"


def write_parts(parts: list[Part], path: Path) -> list[str]:
    """Write each part between its marks; a file that is not there yet is made with all of them.

    Args:
        parts: tables, or the reason why one is left out.
        path: of the Markdown file.

    Returns:
        The numbers of the parts that the file has no marks for; they are not written.

    Raises:
        InputError: if a mark is there without its other one, or the file has no mark of any part.
    """
    if not path.is_file():
        make_folder(path.parent)
        blocks = [f"## {part.title}\n{_block(part)}\n" for part in parts]
        write_whole({path: "\n".join(["# Results\n", *blocks]).encode()})
        return []
    text = read_text(path)
    absent = []
    for part in parts:
        begin, end = BEGIN.format(part.number), END.format(part.number)
        if begin not in text and end not in text:
            absent.append(part.number)
            continue
        if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
            raise InputError(f"{path}: needs one {begin} with one {end} after it; mend the marks.")
        before, after = text.split(begin)[0], text.split(end)[1]
        text = before + _block(part) + after
    if len(absent) == len(parts):
        raise InputError(f"{path}: has no marks such as {BEGIN.format('II')}; put them in, or name a new file.")
    write_whole({path: text.encode()})
    return absent


def part_of(text: str, number: str) -> str:
    """What stands between the marks of a part.

    Examples:
        >>> text = "".join((BEGIN.format("II"), "the table", END.format("II")))
        >>> part_of(text, "II").strip()
        'the table'
    """
    return text.split(BEGIN.format(number))[1].split(END.format(number))[0].strip()


def _block(part: Part) -> str:
    body = "\n".join(table.markdown() for table in part.tables) or f"{part.title} is left out: {part.left_out}\n"
    return f"{BEGIN.format(part.number)}\n\n{body}\n{END.format(part.number)}"
