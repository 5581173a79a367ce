"""List the experiments, one line each: `python -m experiments`."""

from importlib import import_module
from pkgutil import iter_modules

import experiments

if __name__ == "__main__":
    for module in iter_modules(experiments.__path__):
        if not module.name.startswith("_"):
            headline = import_module(f"experiments.{module.name}").__doc__.strip().splitlines()[0]
            print(f"python -m experiments.{module.name:24} {headline}")
