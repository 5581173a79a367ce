"""A benchmark's numbers as lines of text."""

from collections.abc import Iterator
from typing import Any


def lines_of(groups: dict[str, dict[str, dict[str, Any]]], unit: str) -> Iterator[str]:
    """A table for each group of contenders; two more columns where the device's peaks are known."""
    for group, rows in groups.items():
        shares = any("share_of_peak" in row for row in rows.values())
        columns = f"{'% of peak':>12}{'of bandwidth':>14}" if shares else ""
        yield f"{group:28}{unit + '/s':>14}{'range':>20}{'x best PyTorch':>18}{columns}"
        for name, row in rows.items():
            if "left_out" in row:
                yield f"  {name:26}{row['left_out']:>14}"
                continue
            span = f"{row['slowest_round']:,.0f}-{row['fastest_round']:,.0f}"
            ratio = f"{row['times_pytorch']:.2f}" if row["times_pytorch"] else "-"
            line = f"  {name:26}{row['per_second']:14,.0f}{span:>20}{ratio:>18}"
            if "share_of_peak" in row:
                line += f"{100 * row['share_of_peak']:12.1f}{100 * row['share_of_bandwidth']:14.1f}"
            yield line


def lines_of_device(numbers: dict[str, Any]) -> Iterator[str]:
    """The peaks, the networks' tables, the convolutions, the short run."""
    for what in ("peaks", "measured")[: 1 + (numbers["peaks"] != numbers["measured"])]:
        found = numbers[what]
        yield (
            f"{what}: float32 {found['float32'] / 1e12:,.2f} TFLOP/s, bfloat16 {found['bfloat16'] / 1e12:,.2f}, memory "
            f"{found['bandwidth'] / 1e9:,.0f} GB/s ({found['source']})"
        )
    if numbers["pytorch_left_out"]:
        yield f"PyTorch is left out: {numbers['pytorch_left_out']}"
    yield from lines_of(numbers["groups"], "images")
    yield "milliseconds forward and for both gradients"
    for label, rows in numbers["layers"].items():
        told = (f"{name} {row.get('left_out') or format(row['milliseconds'], '.3f')}" for name, row in rows.items())
        yield f"  {label}: " + "; ".join(told)
    run = numbers["run"]
    speed = f"{run['steps']:,} steps in {run['seconds']} s, {run['images_per_second']:,.0f} images/s"
    yield f"{run['images']}, {run['dtype']}: {speed}, all losses {'' if run['finite'] else 'NOT '}finite"
