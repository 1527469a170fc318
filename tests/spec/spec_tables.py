"""The tables of `docs/spec/README.md`, and of other pages."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SPEC = Path(__file__).parents[2] / "docs" / "spec"
MODULES = {"engine": SPEC / "Engine.tla", "handover": SPEC / "Handover.tla"}


@dataclass(frozen=True)
class Row:
    """One line of a table: a configuration and what TLC printed for it; `broken` is empty where all holds."""

    name: str
    broken: str
    steps: str
    states: str
    distinct: str

    @property
    def folder(self) -> str:
        return self.name.split("/")[0]

    @property
    def configuration(self) -> Path:
        return SPEC / f"{self.name}.cfg"


def cells_of(page: Path) -> Iterator[list[str]]:
    """The cells of each row of all tables of a page."""
    for line in page.read_text("utf-8").splitlines():
        yield [cell.strip(" `") for cell in line.split("|")[1:-1]]


def rows() -> Iterator[Row]:
    """The tables of configurations."""
    for cells in cells_of(SPEC / "README.md"):
        if len(cells) == 6 and cells[0].split("/")[0] in MODULES:
            verdict = cells[2].replace("`", "")
            yield Row(cells[0], "" if verdict == "holds" else verdict, *cells[3:])
