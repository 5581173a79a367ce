"""The tables of many devices: what a step asks of one, how fast it could be, and whether it is the same on several."""

from experiments.tables.markdown import result, table

MICRO = 1e6


def numbers() -> dict:
    return result("scaling")["numbers"]


def step_work() -> str:
    """Counted from the layers, and read from the program that was compiled for several devices."""
    rows = []
    for command, of in numbers()["plan"].items():
        work, told = of["works"]["4"], [size for *_, size in of["collectives"]]
        halves = of["works"]["2"]
        rows.append([
            f"`{command}`",
            f"{work['parameters'] / 1e6:.2f}",
            f"{work['flops'] / 1e9:.2f}",
            f"{work['bytes_for_an_image'] / 1e6:.2f} ({halves['bytes_for_an_image'] / 1e6:.2f})",
            f"{work['bytes_for_parameters'] / 1e6:.0f} ({halves['bytes_for_parameters'] / 1e6:.0f})",
            f"{of['told'] / 1e6:.1f}",
            f"{len(told)} of {sum(told) / 1e6:.1f}",
        ])  # fmt: skip
    header = [
        "a step", "parameters, million", "GFLOP for an image", "MB moved for an image (bfloat16)",
        "MB moved whatever the batch (bfloat16)", "MB of gradients", "all-reduces of the compiled step, MB",
    ]  # fmt: skip
    return table(header, rows)


def roofline() -> str:
    """Estimated microseconds, what takes them, and how many devices are enough."""
    rows = []
    for command, of in numbers()["plan"].items():
        by_device = {}
        for row in of["rows"]:
            limit = "products" if row["products"] > row["traffic"] else "traffic"
            enough = " or ".join(dict.fromkeys(f"{n:,}" for n in row["enough"].values()))
            cell = f"{MICRO * row['step']:,.0f} ({limit})" + f"; {enough}" * bool(enough)
            by_device.setdefault(row["device"], []).append(cell)
        rows += [[f"`{command}`", device, *cells] for device, cells in by_device.items()]
    batches = dict.fromkeys(row["batch"] for row in of["rows"])
    columns = [f"{batch:,} images: µs (for what); enough devices" for batch in batches]
    return table(["computed", "device", *columns], rows)


def apart() -> str:
    """Norm of the difference of all parameters, one device beside several."""
    rows = []
    for network, by_type in numbers()["compared"].items():
        for dtype, rounds in by_type.items():
            cells = [f"{found['norm_of_difference']:.0e}" for found in rounds.values()]
            rows.append([network, dtype, f"{rounds['1']['norm']:.0f}", *cells, *[""] * (3 - len(cells))])
    header = ["a DCGAN with", "type", "norm of all parameters", "apart after 1 step", "after 20", "after 200"]
    return table(header, rows)


def device_speed() -> str:
    """benchmark device: each network, type and batch, PyTorch beside; shares where XLA counts the work."""
    found, rows = result("benchmark_device"), []
    for group, contenders in found["numbers"]["groups"].items():
        for contender, row in contenders.items():
            if "left_out" in row:
                rows.append([group, contender, row["left_out"], "", "", "", ""])
                continue
            ratio = f"{row['times_pytorch']:.2f}" if row["times_pytorch"] else ""
            shares = [
                f"{100 * row[name]:.0f}" if name in row else "" for name in ("share_of_peak", "share_of_bandwidth")
            ]
            span = f"{row['slowest_round']:,.0f} to {row['fastest_round']:,.0f}"
            rows.append([group, contender, f"{row['per_second']:,.0f}", span, ratio, *shares])
    header = [
        found["device"], "", "images per second, median", "range over rounds",
        "times the best of PyTorch", "% of the peak's FLOP/s", "% of the memory's bytes/s",
    ]  # fmt: skip
    return table(header, rows)


def device_layers() -> str:
    """benchmark device: single convolutions, in float32 as in training."""
    rows = []
    for label, forms in result("benchmark_device")["numbers"]["layers"].items():
        cells = (forms.get(f"{form}, float32") for form in ("library", "patches", "tiles"))
        rows.append([label, *(f"{cell['milliseconds']:.2f}" if cell else "" for cell in cells)])
    return table(["milliseconds forward and back", "library", "patches", "tiles"], rows)


def of_devices() -> dict[str, str]:
    """Numbers for sentences."""
    found, killed = numbers(), result("killed_runs_two_processes")["numbers"]
    device = result("benchmark_device")["numbers"]
    here = next(machine for machine in found["machines"] if machine["name"] == "this machine")
    step = next(
        row["step"] for row in found["plan"]["mnist_dcgan"]["rows"]
        if row["device"] == "this machine" and row["batch"] == 64
    )  # fmt: skip
    groups = result("benchmark_images")["numbers"]["groups"]
    measured = next(rows["JAX"]["per_second"] for group, rows in groups.items() if group.startswith("mnist, batch 64"))
    return {
        "device_peak": f"{device['peaks']['float32'] / 1e9:,.0f}",
        "device_images": device["run"]["images"],
        "device_steps": f"{device['run']['steps']:,}",
        "devices_compared": str(found["devices"]),
        "machine_gflops": f"{here['peak'] / 1e9:.0f}",
        "machine_bandwidth": f"{here['bandwidth'] / 1e9:.0f}",
        "mnist_step_computed": f"{1e3 * step:.0f}",
        "mnist_step_measured": f"{1e3 * 64 / measured:.0f}",
        "latency_assumed": f"{MICRO * found['latencies'][-1]:.0f}",
        "process_kills": str(len(killed["kills"])),
        "process_end": f"{killed['longest_until_others_ended']:.1f}",
        "process_silence": f"{killed['until_silence_was_noticed']:.0f}",
    }


TABLES = {function.__name__: function for function in (step_work, roofline, apart, device_speed, device_layers)}
