"""Command `plugin check`: run the contract checks on installed components."""

import json
import sys
from collections import Counter
from contextlib import redirect_stdout
from typing import Any

import click


@click.command("check")
@click.argument("name")
@click.option("--only", metavar="KIND", help="Check only components of this kind.")
@click.option(
    "-s", "--set", "given", metavar="KEY=VALUE", multiple=True, help="Set an option of the checked component."
)
@click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON object on stdout.")
def command(name: str, only: str | None, given: tuple[str, ...], as_json: bool) -> int:
    """Check NAME's components against the contract that textforge relies on.

    NAME is an installed distribution, one of its entry points, or a component. Each check prints a line: ok, skipped
    with the reason, or FAILED with the fault and the remedy. The exit code is 1 if any check failed.
    """
    from textforge import RecipeError
    from textforge.errors import listed
    from textforge.testing import installed, read_options

    stdout = sys.stdout
    with redirect_stdout(sys.stderr):  # output of a plugin is not part of the result
        options = read_options(given)
        components, broken = installed(name, only)
        if options and len(components) != 1:
            found = listed(component.label for component in components)
            raise RecipeError(
                f"-s sets an option of one component, and '{name}' gives {found}. Name one, or use --only."
            )
        if options:
            components[0].options.accepted(options)  # report invalid options here rather than in every check
        counts = Counter({"failed": len(broken)})
        if not as_json:
            for sentence in broken:
                click.echo(f"FAILED   {sentence}", file=stdout)
        checked = [check(component, options, counts, None if as_json else stdout) for component in components]
    if as_json:
        totals = {status: counts[status] for status in ("ok", "failed", "skipped")}
        click.echo(json.dumps({"name": name, **totals, "broken": broken, "components": checked}, ensure_ascii=False))
    else:
        summary = f"{counts['ok']} ok, {counts['failed']} failed, {counts['skipped']} skipped"
        click.echo(f"\n{len(components)} component{'s' * (len(components) != 1)}: {summary}")
    return 1 if counts["failed"] else 0


def check(component: Any, options: dict[str, Any], counts: Counter[str], stdout: Any) -> dict[str, Any]:
    """Run the checks of a component; print each outcome to `stdout`, if given, and return them as JSON values."""
    from textforge.testing import outcomes

    if stdout:
        click.echo(f"{component.label} from {component.origin}", file=stdout)
    found = []
    for outcome in outcomes(component, options):
        counts[outcome.status] += 1
        found.append(outcome.as_json())
        if stdout:
            word = outcome.status.upper() if outcome.status == "failed" else outcome.status
            said = outcome.message.removeprefix(f"{component.label}: ")
            click.echo(f"  {word:8} {outcome.name}{f': {said}' if said else ''}", file=stdout)
    origin = component.origin
    return {
        "kind": component.kind.name,
        "name": component.name,
        "distribution": origin.distribution,
        "version": origin.version,
        "checks": found,
    }
