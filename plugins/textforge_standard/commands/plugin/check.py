"""Command `plugin check`: run the contract checks on installed components, and check their distribution."""

import json
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import redirect_stdout
from typing import Any

import click


@click.command("check")
@click.argument("name")
@click.option("--only", metavar="KIND", help="Check only components of this kind.")
@click.option(
    "-s",
    "--set",
    "given",
    metavar="KEY=VALUE",
    multiple=True,
    help="Set an option of the checked component; of one of several as KIND.NAME.KEY=VALUE.",
)
@click.option(
    "--skip", metavar="CHECK=REASON", multiple=True, help="Skip a check that does not apply, and say why; repeatable."
)
@click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON object on stdout.")
def command(name: str, only: str | None, given: tuple[str, ...], skip: tuple[str, ...], as_json: bool) -> int:
    """Check NAME's components against the contract that textforge relies on, and what their distribution holds.

    NAME is an installed distribution, one of its entry points, or a component. Each check prints a line: ok, skipped
    with the reason, FAILED with the fault and the remedy, or 'not checked' if the component needs options that are not
    given. The exit code is 1 if any check failed.
    """
    from textforge.testing import STATUSES, distribution_outcomes, installed, options_for, outcomes, skips_for

    stdout = sys.stdout
    with redirect_stdout(sys.stderr):  # output of a plugin is not part of the result
        components, broken = installed(name, only)
        options, skips = options_for(components, given), skips_for(components, skip)
        counts = Counter({"failed": len(broken)})
        if not as_json:
            for sentence in broken:
                click.echo(f"FAILED   {sentence}", file=stdout)
        shown = None if as_json else stdout
        checked = []
        for component, own in zip(components, options, strict=True):
            write_line(f"{component.label} from {component.origin}", shown)
            checks = report(outcomes(component, own, skip=skips[component.kind.name]), component.label, counts, shown)
            checked.append(described(component, checks))
        of_distributions = {}
        for distribution in dict.fromkeys(component.origin.distribution for component in components):
            its = [component for component in components if component.origin.distribution == distribution]
            if distribution != "textforge":
                write_line(f"distribution {distribution}", shown)
                found = report(distribution_outcomes(distribution, its), distribution, counts, shown)
                of_distributions[distribution] = found
    totals = {status: counts[status] for status in STATUSES}
    if as_json:
        result = {"name": name, **{key.replace(" ", "_"): count for key, count in totals.items()}, "broken": broken}
        result |= {"components": checked, "distributions": of_distributions}
        click.echo(json.dumps(result, ensure_ascii=False))
    else:
        summary = ", ".join(f"{count} {status}" for status, count in totals.items() if count or status != "not checked")
        click.echo(f"\n{len(components)} component{'s' * (len(components) != 1)}: {summary}")
    return 1 if counts["failed"] else 0


def report(found: Iterable[Any], label: str, counts: Counter[str], stdout: Any) -> list[dict[str, str]]:
    """Print each outcome as it comes, if `stdout` is given, count it, and return all as JSON values."""
    checks = []
    for outcome in found:
        counts[outcome.status] += 1
        checks.append(outcome.as_json())
        word = outcome.status.upper() if outcome.status == "failed" else outcome.status
        said = outcome.message.removeprefix(f"{label}: ")
        write_line(f"  {word:8} {outcome.name}{f': {said}' if said else ''}", stdout)
    return checks


def write_line(line: str, stdout: Any) -> None:
    """Print a line if `stdout` is given."""
    if stdout:
        click.echo(line, file=stdout)


def described(component: Any, checks: list[dict[str, str]]) -> dict[str, Any]:
    """A component and its checks as JSON values."""
    origin = component.origin
    return {
        "kind": component.kind.name,
        "name": component.name,
        "distribution": origin.distribution,
        "version": origin.version,
        "checks": checks,
    }
