"""Write the numbers of README.md and of experiments/results/README.md from the result files (seconds).

A table stands in a page between the lines `<!-- NAME -->` and `<!-- end -->`, where NAME is a function of a file in
experiments/tables; a number in a sentence stands between the same marks, with a key of sentences.numbers for NAME.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from experiments.command.folder import replacing
from experiments.command.line import command_line
from experiments.tables import (
    advice,
    dcgan,
    devices,
    dirac,
    frozen,
    gan_1d,
    minutes,
    modes,
    neighbours,
    optimal_discriminator,
    parzen,
    quoted,
    stacked,
    vanishing,
)
from experiments.tables.markdown import RESULTS
from experiments.tables.sentences import numbers

README = Path(__file__).parent.parent / "README.md"
RESULTS_PAGE = RESULTS / "README.md"
FILES = (
    gan_1d,
    optimal_discriminator,
    vanishing,
    dirac,
    frozen,
    modes,
    stacked,
    parzen,
    dcgan,
    advice,
    neighbours,
    devices,
    minutes,
    quoted,
)
TABLES = {name: function for file in FILES for name, function in file.TABLES.items()}


@dataclass(frozen=True)
class Config:
    """Nothing but the files to rewrite."""

    readme: Path = README
    """The first page, whose tables and numbers are rewritten in place."""
    results: Path = RESULTS_PAGE
    """The page of results, likewise."""


def main(config: Config) -> None:
    """Rewrite both files."""
    for page in (config.readme, config.results):
        old = page.read_text(encoding="utf-8")
        new = rewritten(old)
        if new != old:
            with replacing(page) as path:
                path.write_text(new, encoding="utf-8")
        print(f"{page} holds the numbers of {RESULTS}")


def rewritten(text: str) -> str:
    """The text with each table and each number made anew."""
    inline = numbers()

    def fill(match: re.Match) -> str:
        name = match[1]
        new = f"\n{TABLES[name]()}\n" if name in TABLES else inline[name]
        return f"<!-- {name} -->{new}<!-- end -->"

    return re.sub(rf"<!-- ({'|'.join([*TABLES, *inline])}) -->.*?<!-- end -->", fill, text, flags=re.DOTALL)


if __name__ == "__main__":
    command_line(Config, main, __doc__)
