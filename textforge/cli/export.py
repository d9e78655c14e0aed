"""`textforge export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from textforge.cli import options


@click.command("export")
@options.run_or_bundle
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--to", type=click.Choice(["onnx"]), default="onnx", show_default=True, help="Format of the model.")
@click.option("--quantize", type=click.Choice(["int8"]), help="Round the weights: a quarter of the size.")
@options.as_json
@options.debug
def command(run_or_bundle: Path, out: Path, to: Any, quantize: Any, as_json: bool) -> None:
    """Write a classifier as a bundle that needs no torch.

    OUT is a new folder, a bundle whose model is computed by onnxruntime, and its model card. The export is compared
    with torch on texts of many lengths before it is written. It needs textforge[onnx-export], and the bundle
    textforge[onnx].
    """
    from textforge.cli.output import results, write_json
    from textforge.errors import shown_line
    from textforge.errors.shortage import advised

    with results() as stdout, advised("export"):
        from textforge.insight.handover.export import export

        found = export(run_or_bundle, out, to=to, quantize=quantize)
        if as_json:
            write_json(stdout, found.as_json())
        else:
            stdout.write(
                f"bundle: {shown_line(str(found.path))} ({found.size / 1e6:,.1f} MB)\n"
                f"largest difference of a probability to torch: {found.difference:.2g}\n"
            )
