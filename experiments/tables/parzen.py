"""The tables of goodfellow_mnist and of parzen_critique."""

from experiments.image_runs.parzen import PAPER_ERROR, PAPER_MEAN
from experiments.tables.markdown import result, table

RUN = "goodfellow_mnist"
# Other rows of Table 1 of Goodfellow et al. 2014, in nats, with their standard errors.
OTHERS = (("deep belief net", 138, 2), ("stacked contractive autoencoder", 121, 1.6), ("deep GSN", 214, 1.1))
# One change of the release's settings each, for fewer epochs, all for as many.
CHANGED = {
    "goodfellow_mnist_algorithm_1": "ours: D's step before G's, as in Algorithm 1",
    "goodfellow_mnist_saturating": "ours: the saturating loss",
}
SCORES = (("class_score", 2), ("frechet", 3), ("coverage", 3))
OURS = {
    "newest G": "ours: the release's settings",
    "averaged G": "ours: the same, with an average of G's parameters",
    "training images": "training images in a G's place",
}


def table_1() -> str:
    """The paper's rows and ours."""
    rows = [[f"the paper: {name}", "", f"{mean} ± {error}", ""] for name, mean, error in OTHERS]
    rows.append(["the paper: adversarial nets", "", f"{PAPER_MEAN} ± {PAPER_ERROR}", ""])
    run = result(RUN)["numbers"]
    for name, found in run["parzen"].items():
        epochs = "" if name == "training images" else f"{run['epochs'][-1]:g}"
        rows.append([OURS[name], epochs, in_nats(found), f"{found['sigma']:.4f}"])
    for file, title in CHANGED.items():
        changed = result(file)["numbers"]
        found, epochs = changed["parzen"]["newest G"], changed["epochs"][-1]
        rows.append([title, f"{epochs:g}", in_nats(found), f"{found['sigma']:.4f}"])
    early = run["validation_at_epochs"]["newest G"][run["epochs"].index(epochs)]
    rows.append([f"{OURS['newest G']} (of validation digits)", f"{epochs:g}", f"{early:.1f}", ""])
    return table(["as many samples as test digits", "epochs", "log-likelihood [nats]", "sigma"], rows)


def critique() -> str:
    """Each kind of images in four ways, likeliest first."""
    rows = sorted(result("parzen_critique")["numbers"]["rows"].items(), key=lambda row: -row[1]["parzen"]["mean"])
    images = f"{rows[0][1]['images']:,} images of each kind"
    cells = [
        [name, in_nats(row["parzen"]), *(f"{row[key]:.{digits}f}" for key, digits in SCORES)] for name, row in rows
    ]
    header = [images, "log-likelihood [nats]", "class score", "Frechet distance", "coverage"]
    return table(header, cells)


def in_nats(found: dict) -> str:
    return f"{found['mean']:.1f} ± {found['standard_error']:.1f}"


TABLES = {function.__name__: function for function in (table_1, critique)}
