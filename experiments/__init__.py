"""One script an experiment: `python -m experiments.NAME --help` explains it, `python -m experiments` lists them."""
