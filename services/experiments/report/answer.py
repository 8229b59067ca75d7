"""From what a person asked to what is printed: the two commands, without their options' dress."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

from services.experiments.report.analysis import Analysis, Look, Question, analyse
from services.experiments.report.arms import MOST_UNITS, read_arms
from services.experiments.report.document import analysis_document, to_json
from services.experiments.report.errors import CalledWrongly, InputUnusable
from services.experiments.report.plan import (
    Design,
    Direction,
    Plan,
    plan_document,
    plan_for_days,
    plan_for_effect,
    plan_for_units,
)
from services.experiments.report.reading import columns_of, effect_of, metric_of, weights_for, weights_of
from services.experiments.report.show import console, show
from services.experiments.report.show_plan import show_plan
from services.experiments.report.unit_rows import FIELDS, read_units
from services.experiments.report.vectors_file import analyse_vectors
from services.experiments.statistics.vectors import analyse as analyse_vector

STANDARD = "-"
_LARGEST_VECTORS = 256 * 1024 * 1024
_FORMS = (
    "give counts (--control 480/10000 --treatment 540/10000), or a FILE: CSV with the columns variant and value, or "
    "JSON with vectors"
)


@dataclass(frozen=True, slots=True)
class AnalyzeAsked:
    """The options of `whystream analyze`."""

    file: str | None
    control: str | None
    treatments: Sequence[str]
    look: Look
    alpha: float
    planned: float | None
    weights: str | None
    mapped: Sequence[str]
    json: bool
    out: Path | None


@dataclass(frozen=True, slots=True)
class PlanAsked:
    """The options of `whystream plan-experiment`."""

    baseline: str | None
    mean: str | None
    deviation: str | None
    effect: str | None
    lift: str | None
    units: int | None
    days: float | None
    direction: Direction | None
    per_day: float | None
    alpha: float
    power: float
    weights: str
    minimum_days: int
    json: bool


def answer_analyze(asked: AnalyzeAsked) -> list[str]:
    """Print the answer; each returned line names a vector without one. Raises CalledWrongly and InputUnusable."""
    if asked.file is not None:
        with _opened(asked.file) as stream:
            if stream.peek(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
                return _vectors(asked, stream)
            columns = columns_of(asked.mapped, FIELDS)
            units = read_units(cast(BinaryIO, stream), columns, asked.control, asked.treatments)
        arms, excluded = units.arms, units.excluded
    else:
        if asked.control is None or not asked.treatments:
            raise CalledWrongly("--treatment" if asked.control else "--control", f"nothing to analyse: {_FORMS}")
        if asked.mapped:
            raise CalledWrongly("--map", "columns are of a FILE; leave --map out, or name the file")
        arms, excluded = read_arms(asked.control, asked.treatments), 0
    _within("--planned", asked.planned, 2, MOST_UNITS)
    question = Question(asked.look, asked.alpha, asked.planned, weights_for(arms, asked.weights))
    _give(asked, analyse(arms, question, excluded=excluded))
    return []


def answer_plan(asked: PlanAsked) -> None:
    """Print the plan. Raises CalledWrongly."""
    plan = _plan(asked)
    if asked.json:
        print(to_json(plan_document(plan)))
    else:
        show_plan(plan, console())


def _plan(asked: PlanAsked) -> Plan:
    metric = metric_of(asked.baseline, asked.mean, asked.deviation)
    size = effect_of(asked.effect, asked.lift, metric, asked.direction)
    if sum(one is not None for one in (size, asked.units, asked.days)) != 1:
        said = "give one of them: an effect (--effect or --lift), --units, or --days; the others are the answer"
        raise CalledWrongly("--effect", said)
    _within("--units", asked.units, 2, MOST_UNITS)
    _within("--days", asked.days, 1, 10_000)
    _within("--per-day", asked.per_day, 0.001, MOST_UNITS)
    design = Design(
        metric=metric,
        direction=asked.direction or ("decrease" if size is not None and size < 0 else "increase"),
        alpha=asked.alpha,
        power=asked.power,
        weights=weights_of(asked.weights),
        minimum_days=asked.minimum_days,
        per_day=asked.per_day,
    )
    if size is not None:
        return plan_for_effect(design, abs(size))
    if asked.units is not None:
        return plan_for_units(design, asked.units)
    return plan_for_days(design, asked.days or 0)


def _within(option: str, given: float | None, least: float, most: float) -> None:
    """Also NaN and infinity lie outside."""
    if given is not None and not least <= given <= most:
        raise CalledWrongly(option, f"give a number between {least:,} and {most:,}")


def _opened(file: str) -> BufferedReader:
    if file == STANDARD:
        raw = sys.stdin.buffer
        return raw if isinstance(raw, BufferedReader) else BufferedReader(cast(Any, raw))
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise InputUnusable(f"{file} cannot be read: {error.strerror}") from None


def _vectors(asked: AnalyzeAsked, stream: BufferedReader) -> list[str]:
    for option, given in (
        ("--control", asked.control),
        ("--treatment", asked.treatments),
        ("--planned", asked.planned),
        ("--weights", asked.weights),
        ("--map", asked.mapped),
    ):
        if given:
            raise CalledWrongly(option, "vectors bring their own arms and settings; leave this out")
    content = stream.read(_LARGEST_VECTORS + 1)
    if len(content) > _LARGEST_VECTORS:
        raise InputUnusable(f"the vectors are larger than {_LARGEST_VECTORS >> 20} MiB; split the file")
    answers, errors = analyse_vectors(content, analyse_vector)
    _write(to_json(answers), asked.out)
    return errors


def _give(asked: AnalyzeAsked, analysis: Analysis) -> None:
    """Words, unless JSON is wished; a file gets JSON, and then the words still go to the terminal."""
    if asked.json or asked.out is not None:
        _write(to_json(analysis_document(analysis)), asked.out)
    if not asked.json:
        show(analysis, console())


def _write(text: str, out: Path | None) -> None:
    if out is None:
        print(text)
        return
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InputUnusable(f"{out} cannot be written: {error.strerror}") from None
