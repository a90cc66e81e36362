"""Aligned tables in plain text."""

from collections.abc import Iterable


def show(title: str, heads: list[str], rows: Iterable[list[object]], notes: str = "") -> None:
    """Prints a table with its notes below it, unless it has no rows; columns of numbers are aligned to the right."""
    rows = [[_cell(value) for value in row] for row in rows]
    if not rows:
        return
    right = [all(_is_number(row[index]) for row in rows) for index in range(len(heads))]
    widths = [max(map(len, column)) for column in zip(heads, *rows)]
    print(f"\n{title}\n")
    for line in [heads, ["-" * width for width in widths], *rows]:
        cells = [
            cell.rjust(width) if number else cell.ljust(width) for cell, width, number in zip(line, widths, right)
        ]
        print("  " + "  ".join(cells).rstrip())
    if notes:
        print("\n  " + notes.strip().replace("\n", "\n  "))
    print(flush=True)


def _cell(value: object) -> str:
    """Floats with about three significant digits, integers with thousands separators, `None` as a dash."""
    if value is None:
        return "-"
    if isinstance(value, float):
        magnitude = abs(value)
        return f"{value:,.0f}" if magnitude >= 100 else f"{value:.1f}" if magnitude >= 10 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _is_number(cell: str) -> bool:
    return cell == "-" or cell[:1].isdigit() or (cell[:1] == "-" and cell[1:2].isdigit())
