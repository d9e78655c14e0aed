"""`textforge serve`."""

from __future__ import annotations

from pathlib import Path

import click

from textforge.cli import options


@click.command("serve")
@click.argument("sources", nargs=-1, required=True, metavar="RUN_OR_BUNDLE...")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port to listen on.")
@options.device
@options.debug
def command(sources: tuple[str, ...], host: str, port: int, device: str) -> None:
    """Answer over HTTP with the classifiers of runs or bundles.

    NAME=PATH gives a model its name.
    """
    import uvicorn

    from textforge.serving.application import Application
    from textforge.serving.models import Models, load_model

    models = Models([load_model(Path(path), name or None, device=device) for name, path in map(_named, sources)])
    uvicorn.run(Application(models), host=host, port=port, access_log=False, log_level="warning")


def _named(source: str) -> tuple[str, str]:
    name, equals, path = source.partition("=")
    return (name, path) if equals and not Path(source).exists() else ("", source)
