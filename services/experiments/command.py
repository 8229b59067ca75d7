"""The commands that experiments adds to `whystream`; they need no platform.

This file is read whenever the command starts: what needs NumPy is imported only when it is called.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from services.experiments.report.errors import CalledWrongly, InputUnusable

app = typer.Typer()

_ANALYZE_EPILOG = (
    "Examples: whystream analyze --control 480/10000 --treatment 540/10000 --planned 20000 · "
    "whystream analyze units.csv --control old · whystream analyze vectors.json --out answers.json"
)
_PLAN_EPILOG = (
    "Examples: whystream plan-experiment --baseline 4.8% --lift 10% --per-day 2000 · "
    "whystream plan-experiment --mean 52 --sd 256 --days 28 --per-day 2000"
)
Alpha = Annotated[float, typer.Option(min=0.0001, max=0.2, help="How often a claim may be wrong where nothing is.")]


@app.command(epilog=_ANALYZE_EPILOG)
def analyze(
    file: Annotated[
        str | None, typer.Argument(help="CSV of units (variant, value) or JSON vectors; - for standard input.")
    ] = None,
    *,
    control: Annotated[
        str | None, typer.Option(help="conversions/units, or mean,sd,units; with a CSV: the control's name.")
    ] = None,
    treatment: Annotated[
        list[str] | None, typer.Option(help="As --control; may be given several times, as NAME=480/10000 too.")
    ] = None,
    look_whenever: Annotated[
        bool, typer.Option("--look-whenever/--once", help="Does anybody look before the end, or only once, as planned?")
    ] = True,
    planned: Annotated[float | None, typer.Option(help="Units over all arms, as planned before the data came.")] = None,
    alpha: Alpha = 0.05,
    weights: Annotated[
        str | None, typer.Option(help="The arms' shares, the control's first: 1,1 unless given.")
    ] = None,
    columns: Annotated[
        list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="Column of unit, variant or value.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write JSON to this file.", dir_okay=False)] = None,
) -> None:
    """Say what may be claimed from an experiment's numbers, and what not, without a platform.

    The answer that holds whenever somebody looks stands beside the one for a single look that was fixed in advance.
    A vector that cannot be analysed is named and stops no other; then the exit code is 1.
    """
    from services.experiments.report.answer import AnalyzeAsked, answer_analyze  # noqa: PLC0415 - brings NumPy

    look = "whenever" if look_whenever else "once"
    asked = AnalyzeAsked(file, control, treatment or (), look, alpha, planned, weights, columns or (), json_, out)
    with _said():
        wrong = answer_analyze(asked)
    for line in wrong:
        typer.echo(line, err=True)
    if wrong:
        raise typer.Exit(1)


@app.command("plan-experiment", epilog=_PLAN_EPILOG)
def plan_experiment(
    *,
    baseline: Annotated[str | None, typer.Option(help="The control's rate: 4.8% or 0.048.")] = None,
    mean: Annotated[str | None, typer.Option(help="Or the control's mean,")] = None,
    sd: Annotated[str | None, typer.Option(help="with its standard deviation per unit.")] = None,
    effect: Annotated[str | None, typer.Option(help="Smallest effect worth acting on: 0.6pp, 0.006, -2.5.")] = None,
    lift: Annotated[str | None, typer.Option(help="The same, relative to the baseline: 10%.")] = None,
    units: Annotated[int | None, typer.Option(help="Or: units over all arms. What can they show?")] = None,
    days: Annotated[float | None, typer.Option(help="Or: days at --per-day. What can they show?")] = None,
    direction: Annotated[
        Literal["increase", "decrease"] | None, typer.Option(help="Of the effect: increase unless it is below 0.")
    ] = None,
    per_day: Annotated[float | None, typer.Option(help="Units that enter each day, over all arms.")] = None,
    alpha: Alpha = 0.05,
    power: Annotated[float, typer.Option(min=0.5, max=0.99, help="How often the effect is seen if it is there.")] = 0.8,
    weights: Annotated[str, typer.Option(help="The arms' shares, the control's first; two or more.")] = "1,1",
    min_days: Annotated[int, typer.Option(min=1, max=365, help="Never plan for fewer days.")] = 7,
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Say how many units and days an experiment needs, or how small an effect it can show.

    Three ways to read it are compared: one look at the end, looks on the way with the decision at the end, and stopping
    at any look.
    """
    from services.experiments.report.answer import PlanAsked, answer_plan  # noqa: PLC0415 - brings NumPy

    asked = PlanAsked(
        baseline, mean, sd, effect, lift, units, days, direction, per_day, alpha, power, weights, min_days, json_
    )
    with _said():
        answer_plan(asked)


@contextmanager
def _said() -> Iterator[None]:
    """Errors as the command's rule says: called wrongly is 2, what could not be done is 1, each with one line."""
    try:
        yield
    except CalledWrongly as error:
        raise typer.BadParameter(str(error), param_hint=error.option) from None
    except InputUnusable as error:
        typer.echo(f"whystream: {error}", err=True)
        raise typer.Exit(1) from None
