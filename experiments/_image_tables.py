"""README.md's tables of what the DCGANs make, as in _tables.py."""

from experiments import _judge
from experiments._tables import result, table


def digits() -> str:
    """What MNIST's DCGAN makes, the plain PyTorch one's, and the training images under the same measure."""
    ours, theirs = (result(name)["numbers"] for name in ("mnist_dcgan", "pytorch_dcgan"))
    columns = [ours["judged"]["generated"], theirs["judged"]["generated"], ours["judged"]["real"]]
    names = [f"this GAN, {ours['steps']:,} steps", f"plain PyTorch, {theirs['steps']:,} steps", "training images"]
    loss_d = f"{ours['at_the_end']['loss_d']:.2f}"
    rows = [*judged_rows(columns), ["D's loss at the end (chance: 1.39)", loss_d, "", ""]]
    return table(["10,000 images each", *names], rows)


def settings() -> str:
    """What one setting after the other does to MNIST's DCGAN whose noise has no categories."""
    default = result("mnist_dcgan_3000_steps")
    rows = [["the default, but `--categories 0`", *quality(default)]]
    for name in (
        "seed_2", "categories_10", "categories_10_seed_2", "categories_30", "rates_equal", "rates_slow", "rates_fast",
        "hidden_0", "hidden_1024", "noise_dim_32", "batch_32", "batch_128", "shift_2", "dropout", "r1", "r1_strong",
        "rates_fast_hidden_512",
    ):  # fmt: skip
        run = result(f"mnist_dcgan_{name}")
        # A setting that a result file does not know yet was off in its run.
        changed = {key: value for key, value in run["config"].items() if value != default["config"].get(key, 0)}
        flags = " ".join(f"--{key.replace('_', '-')} {value:g}" for key, value in changed.items())
        rows.append([f"`{flags}`", *quality(run)])
    return table(["setting", *QUALITY], rows)


QUALITY = ["D's loss at the end (chance: 1.39)", *(label for _, label, _ in _judge.LABELS)]


def quality(run: dict) -> list[str]:
    """The cells under QUALITY of a run of mnist_dcgan or cifar_dcgan."""
    made = run["numbers"]["judged"]["generated"]
    return [
        f"{run['numbers']['at_the_end']['loss_d']:.2f}",
        *(f"{made[key]:.{digits}f}" for key, _, digits in _judge.LABELS),
    ]


def frogs() -> str:
    """What the frogs' DCGAN makes, and the training images under the same measure."""
    ours = result("cifar_dcgan")["numbers"]
    columns = [ours["judged"]["generated"], ours["judged"]["real"]]
    names = [f"this GAN, {ours['steps']:,} steps", "training frogs"]
    *rows, _ = judged_rows(columns)
    shares = [f"{100 * column['class_shares']['frog']:.1f}" for column in columns]
    return table(["1,000 images each", *names], [*rows, ["the judge sees a frog in [%]", *shares]])


def frog_settings() -> str:
    """What shifts in front of D and the balance of the players do to the frogs, early on."""
    rows = []
    for name in ("plain", "shift", "shift_fast_g", "2500_steps_fast_g", "2500_steps", "8000_steps"):
        run = result(f"cifar_dcgan_{name}")
        set_to = [f"{run['config'].get(key, 0):g}" for key in ("shift", "rate_g", "rate_d")]
        rates = "fall" if run["config"]["decay"] else "stay"
        rows.append([f"{run['numbers']['steps']:,}", *set_to, rates, *quality(run)])
    return table(["steps", "shift [pixels]", "G's rate", "D's rate", "rates", *QUALITY], rows)


def judged_rows(columns: list[dict]) -> list[list[str]]:
    """One row for each number of _judge.judged."""
    rows = [[label, *(f"{column[key]:.{digits}f}" for column in columns)] for key, label, digits in _judge.LABELS]
    shares = [[100 * share for share in column["class_shares"].values()] for column in columns]
    return [*rows, ["share of a class, rarest to most common [%]", *(f"{min(s):.1f} to {max(s):.1f}" for s in shares)]]


TABLES = {function.__name__: function for function in (digits, settings, frogs, frog_settings)}
