"""The table of style transfer: imitations of textures, judged on networks that were not used."""

from experiments.tables.markdown import median_and_range, result, table


def row() -> list[str]:
    """Of the first page's table."""
    found = of_style()
    return [
        "`style_transfer`: a picture's content in another's textures (Gatys et al. 2016), by random filters",
        f"other phases leave linear features' Gram matrices as they are, to {found['style_linear']}; behind ReLU they "
        f"move them by {found['style_relu']}",
        f"an imitated texture is, on networks not used, {found['style_held_out']} times as far as a second draw; noise "
        f"{found['style_noise']} times",
    ]


def textures() -> dict[str, list[dict]]:
    return {name: seeds for name, seeds in result("style_transfer")["numbers"].items() if name != "transfer"}


def style_textures() -> str:
    """Multiples of a second draw's Gram loss, over seeds and networks; the fall on the network that was used."""
    rows = []
    for name, of_seeds in textures().items():
        for kind in of_seeds[0]["multiples"]:
            multiples = median_and_range([of for seed in of_seeds for of in seed["multiples"][kind]], 2)
            fall = median_and_range([seed["fall"] / 1000 for seed in of_seeds], 0) if kind == "synthesised" else ""
            rows.append([name, kind, multiples, fall])
    return table(
        ["texture", "picture", "Gram loss over a second draw's, networks not used, median (range)",
         "it fell on the used one, thousandfold"],
        rows,
    )  # fmt: skip


def style_transferred() -> str:
    """Both ends of a transfer."""
    of_seeds = result("style_transfer")["numbers"]["transfer"]
    rows = []
    for end in ("content", "result"):
        losses = ([seed[end][kind] for seed in of_seeds] for kind in ("style", "content"))
        used, content = (scientific(values) for values in losses)
        others = scientific([of for seed in of_seeds for of in seed[end]["style_not_used"]])
        rows.append([end, used, others, content])
    return table(["median (range)", "Gram loss", "on networks not used", "content loss of a feature"], rows)


def scientific(values: list[float]) -> str:
    middle = sorted(values)[len(values) // 2]
    return f"{middle:.1e} ({min(values):.1e} to {max(values):.1e})"


def of_style() -> dict[str, str]:
    """Numbers for sentences."""
    seeds = [seed for of_seeds in textures().values() for seed in of_seeds]
    multiples = {
        kind: median_and_range([of for seed in seeds for of in seed["multiples"][kind]], digits)
        for kind, digits in (("synthesised", 2), ("white noise", 0))
    }
    relu = [seed["exact"]["relu"] for seed in seeds]
    return {
        "style_linear": f"{max(seed['exact']['linear'] for seed in seeds):.0e}",
        "style_relu": f"{100 * min(relu):.0f} to {100 * max(relu):.0f} %",
        "style_held_out": multiples["synthesised"],
        "style_noise": multiples["white noise"],
    }


TABLES = {function.__name__: function for function in (style_textures, style_transferred)}
