"""The tables of goodfellow_mnist and of parzen_critique."""

from experiments.image_runs.parzen import PAPER_ERROR, PAPER_MEAN
from experiments.tables.markdown import result, table

RUN = "goodfellow_mnist"
# Other rows of Table 1 of Goodfellow et al. 2014, in nats, with their standard errors.
OTHERS = (("deep belief net", 138, 2), ("stacked contractive autoencoder", 121, 1.6), ("deep GSN", 214, 1.1))
SCORES = (("class_score", 2), ("frechet", 3), ("coverage", 3))
OURS = {
    "newest G": "ours: the release's settings",
    "averaged G": "ours: the same, with an average of G's parameters",
    "training images": "training images in a G's place",
}


def table_1() -> str:
    """The paper's rows and ours."""
    rows = [[f"the paper: {name}", f"{mean} ± {error}", ""] for name, mean, error in OTHERS]
    rows.append(["the paper: adversarial nets", f"{PAPER_MEAN} ± {PAPER_ERROR}", ""])
    ours = result(RUN)["numbers"]["parzen"].items()
    rows += [[OURS[name], in_nats(found), f"{found['sigma']:.4f}"] for name, found in ours]
    return table(["10,000 samples and the 10,000 test digits", "log-likelihood [nats]", "sigma"], rows)


def critique() -> str:
    """Each kind of images in four ways, likeliest first."""
    rows = sorted(result("parzen_critique")["numbers"]["rows"].items(), key=lambda row: -row[1]["parzen"]["mean"])
    cells = [
        [name, in_nats(row["parzen"]), *(f"{row[key]:.{digits}f}" for key, digits in SCORES)] for name, row in rows
    ]
    header = ["10,000 images of each kind", "log-likelihood [nats]", "class score", "Frechet distance", "coverage"]
    return table(header, cells)


def in_nats(found: dict) -> str:
    return f"{found['mean']:.1f} ± {found['standard_error']:.1f}"


TABLES = {function.__name__: function for function in (table_1, critique)}
