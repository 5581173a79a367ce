"""List the experiments, one line each: `python -m experiments`."""

from pathlib import Path

from gan_from_scratch.__main__ import headlines

if __name__ == "__main__":
    for name, headline in headlines(Path(__file__).parent).items():
        print(f"python -m experiments.{name:24} {headline}")
