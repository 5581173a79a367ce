"""The table of stacked_mnist."""

from experiments.image_runs.stacked import LABELS
from experiments.tables.markdown import result, table

# What each run is of, and its result file.
RUNS = (
    ("plain DCGAN", "stacked_mnist"),
    ("plain DCGAN", "stacked_mnist_8000_steps"),
    ("packing, 2 samples", "stacked_mnist_packing_2"),
    ("noise that knows of ten digits in each channel", "stacked_mnist_categories"),
    ("noise that knows of ten digits in each channel", "stacked_mnist_categories_40000_steps"),
)


def thousand_kinds() -> str:
    """Each method, one run, and real digits."""
    runs = [(name, result(file)) for name, file in RUNS]
    rows = [[name, f"{run['numbers']['steps']:,}", *cells(run["numbers"]["judged"]["generated"])] for name, run in runs]
    rows.append(["real digits", "", *cells(runs[0][1]["numbers"]["judged"]["real"])])
    return table(["one run each", "steps", *(label for _, label, _ in LABELS)], rows)


def cells(judged: dict) -> list[str]:
    return [f"{judged[key]:,.{digits}f}" for key, _, digits in LABELS]


TABLES = {function.__name__: function for function in (thousand_kinds,)}
