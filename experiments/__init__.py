"""One script an experiment: `python -m experiments.NAME --help` explains it, `python -m experiments` lists them."""

import sys

from experiments.command.first_line import begin

if sys.argv[0] == "-m":  # Python looks up the command that it was told to run, and will import it next
    begin()
