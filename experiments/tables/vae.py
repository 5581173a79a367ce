"""The tables of the VAE: how likely digits are, and what its images, z and lines are like beside a GAN's."""

from experiments.tables.markdown import median_and_range, result, table

JUDGED = {"frechet": ("Frechet distance to test", 2), "class_score": ("class score, 1 to 10", 2),
          "sharpness": ("sharpness", 3)}  # fmt: skip
LINES = {"sure_ends": ("the judge's highest probability, at ends", 2), "sure_middle": ("in the middle", 2),
         "kept": ("of lines within a class, the middle is still of it", 2),
         "largest_step": ("largest of 10 steps, its share of the way", 2),
         "detour": ("way over distance", 2)}  # fmt: skip


def row() -> list[str]:
    """Of the first page's table."""
    found = of_vae()
    return [
        "`vae`: an encoder, and a bound on log p(x) that both networks climb (Kingma & Welling 2014)",
        f"a linear VAE: the ELBO ends {found['vae_gap']} nats at most from log p of probabilistic PCA",
        f"-log p of test digits at most {found['vae_nats']} nats (Burda et al., {found['vae_times']} times as many "
        f"epochs, {found['vae_published']}); Frechet distance {of_kind('judged', 'VAE', 'frechet', 2)}, "
        f"the GAN's {of_kind('judged', 'GAN', 'frechet', 2)}",
    ]


def of_kind(what: str, kind: str, name: str, digits: int) -> str:
    """Median and range over seeds; a dash where there is none."""
    values = [seed[what][kind][name] for seed in result("vae")["numbers"]["beside"]]
    return "-" if None in values else median_and_range(values, digits)


def vae_images() -> str:
    """Images of each kind, judged."""
    return of_kinds("judged", JUDGED)


def vae_lines() -> str:
    """What lies on straight lines between two images."""
    return of_kinds("lines", LINES)


def of_kinds(what: str, columns: dict[str, tuple[str, int]]) -> str:
    kinds = result("vae")["numbers"]["beside"][0][what]
    rows = [[kind, *(of_kind(what, kind, name, digits) for name, (_, digits) in columns.items())] for kind in kinds]
    return table(["median (range)", *(title for title, _ in columns.values())], rows)


def of_vae() -> dict[str, str]:
    """Numbers for sentences."""
    numbers = result("vae")["numbers"]
    gaps = [abs(of["moments"][-1]["elbo"] - of["log_p_of_ppca"]) for of in numbers["exact"]]
    nearest = {
        space: median_and_range([100 * seed["nearest_neighbour"][space] for seed in numbers["beside"]], 1)
        for space in ("z", "pixels")
    }
    return {
        "vae_gap": f"{max(gaps):.3f}",
        "vae_nats": median_and_range([of["mean"] for of in numbers["minus_log_p"]], 2),
        "vae_elbo": median_and_range([-of["elbo_test"][-1] for of in numbers["curves"]], 2),
        "vae_published": f"{numbers['published']['nats']}",
        "vae_times": f"{numbers['published']['epochs'] / numbers['curves'][0]['epochs'][-1]:.0f}",
        "vae_epochs": f"{numbers['curves'][0]['epochs'][-1]:g}",
        "vae_minutes": median_and_range([of["seconds"][-1] / 60 for of in numbers["curves"]], 1),
        "vae_gan_minutes": median_and_range([seconds / 60 for seconds in numbers["gan_seconds"]], 1),
        "vae_nearest": nearest["z"],
        "vae_nearest_pixels": nearest["pixels"],
    }


TABLES = {function.__name__: function for function in (vae_images, vae_lines)}
