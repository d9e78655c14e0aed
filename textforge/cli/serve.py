"""`textforge serve`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from textforge.cli import options
from textforge.errors import PluginError, RecipeError

INSTALL = "pip install 'textforge[serve]'"
API_KEY = "TEXTFORGE_API_KEY"
SECONDS = click.FloatRange(min=0, min_open=True)
ABOVE_0 = click.IntRange(min=1)
MIB = 2**20


@click.command("serve")
@click.argument("sources", nargs=-1, required=True, metavar="[NAME=]RUN_OR_BUNDLE...")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port; 0 for a free one.")
@click.option("--watch", is_flag=True, help="Load new and replaced bundles while serving.")
@click.option("--max-batch", type=ABOVE_0, default=64, show_default=True, help="Most texts computed together.")
@click.option("--max-wait", metavar="MS", type=click.FloatRange(min=0), default=0, show_default=True,
              help="Milliseconds to wait for more texts when the server is busy.")  # fmt: skip
@click.option("--queue", metavar="TEXTS", type=ABOVE_0, default=2048, show_default=True,
              help="Most texts that wait; then 503.")  # fmt: skip
@click.option("--max-body", metavar="MIB", type=SECONDS, default=8, show_default=True,
              help="Largest body, or line of a stream; then 413.")  # fmt: skip
@click.option("--timeout", metavar="SECONDS", type=SECONDS, default=30, show_default=True,
              help="Longest time to compute an answer; then 503.")  # fmt: skip
@click.option("--body-timeout", metavar="SECONDS", type=SECONDS, default=20, show_default=True,
              help="Longest time for a body to arrive, and for a head if it is below 10; then 408.")  # fmt: skip
@click.option("--connections", type=ABOVE_0, default=1000, show_default=True, help="Most open connections.")
@click.option("--grace", metavar="SECONDS", type=click.FloatRange(min=0), default=10, show_default=True,
              help="Time to answer what was accepted when SIGINT, SIGTERM or SIGHUP stops the server.")  # fmt: skip
@click.option("--access-log", metavar="FILE", help="File for the access log; 'off' for none. Default: stderr.")
@click.option("--log-texts", is_flag=True, help="Write the texts of requests to the access log.")
@click.option("--cors", metavar="ORIGIN", multiple=True, help="Let pages of this origin read the answers; * for all.")
@click.option("--tls-cert", metavar="FILE", type=click.Path(path_type=Path), help="Certificate for HTTPS, PEM.")
@click.option("--tls-key", metavar="FILE", type=click.Path(path_type=Path), help="Key of the certificate, PEM.")
@options.device
@options.debug
def command(sources: tuple[str, ...], device: str, watch: bool, **given: Any) -> int:
    """Answer over HTTP with the classifiers of runs or bundles.

    NAME=PATH gives a model its name. A folder of runs or bundles stands for the newest of each name. If the environment
    variable TEXTFORGE_API_KEY is set, requests must give it. See docs/serving.md.
    """
    _require_extra()
    from textforge.cli import signals
    from textforge.cli.messages import write_message
    from textforge.serving.application import Application
    from textforge.serving.models import Models
    from textforge.serving.server import serve
    from textforge.serving.sources import Source
    from textforge.serving.watching import Loader

    address, settings = _address(given), _settings(given)
    models = Models()
    loader = Loader([*map(Source.given, sources)], models, device=device, report=write_message)
    loader.load_all(may_be_empty=watch)
    application = Application(models, settings)
    if watch:
        application.in_background(lambda: loader.watch(application.metrics))

    def started(url: str) -> None:
        names = ", ".join(model.key for model in models) or "no model yet"
        write_message(f"serving {names} on {url}; end with Ctrl-C.")

    def end_now(number: int) -> None:
        write_message(f"error: {signals.in_words(number)} a second time, so ended at once.")
        os._exit(signals.exit_code(number))

    try:
        number = serve(application, address, on_start=started, on_second_signal=end_now)
    finally:
        if settings.access_log is not None:
            settings.access_log.close()
    if number is None:
        write_message("stopped; every accepted request was answered.")
        return 0
    write_message(f"error: {signals.in_words(number)}; requests were not answered within --grace.")
    return signals.exit_code(number)


def _require_extra() -> None:
    """Raise a `PluginError` if a package of the extra is missing."""
    from importlib.util import find_spec

    missing = [name for name in ("uvicorn", "httptools", "orjson", "prometheus_client") if find_spec(name) is None]
    if missing:
        raise PluginError(f"textforge serve needs {' and '.join(missing)}. Install: {INSTALL}")


def _address(given: dict[str, Any]) -> Any:
    from textforge.serving.server import Address

    if given["tls_key"] is not None and given["tls_cert"] is None:
        raise RecipeError("--tls-key needs --tls-cert, the certificate of the key.")
    return Address(given["host"], given["port"], given["tls_cert"], given["tls_key"], given["grace"])


def _settings(given: dict[str, Any]) -> Any:
    from textforge.serving.access_log import AccessLog
    from textforge.serving.limits import Limits
    from textforge.serving.settings import Settings

    limits = Limits(
        max_batch=given["max_batch"], max_wait=given["max_wait"] / 1000, queue=given["queue"],
        max_body=int(given["max_body"] * MIB), compute_timeout=given["timeout"], body_timeout=given["body_timeout"],
        header_timeout=min(given["body_timeout"], Limits.header_timeout), connections=given["connections"],
    )  # fmt: skip
    if given["access_log"] == "off":
        if given["log_texts"]:
            raise RecipeError("--log-texts needs an access log; --access-log is off.")
        access_log = None
    else:
        access_log = AccessLog(given["access_log"] and Path(given["access_log"]), texts=given["log_texts"])
    return Settings(limits, os.environ.get(API_KEY), given["cors"], access_log)
