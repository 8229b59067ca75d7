"""What the tests of this service share: a registered and started experiment, and observations of it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.experiments import ObservationExposed, ObservationMeasured
from contracts.problems import ProblemOpened
from tests.support.driven import Driven

BEGINNING = datetime.now(UTC).replace(microsecond=0) - timedelta(days=30)


async def known_problem(experiments: Driven) -> UUID:
    problem_id = uuid7()
    await experiments.receives(
        ProblemOpened(problem_id=problem_id, statement="Reminders come late", first_feedback_id=uuid7())
    )
    return problem_id


def registration(problem_id: UUID, **changes: Any) -> dict[str, Any]:
    return {
        "key": "reminder-timing",
        "problem_id": str(problem_id),
        "hypothesis": "A reminder the evening before lets more clients keep their appointment",
        "primary_metric": {"name": "kept", "kind": "conversion", "direction": "increase"},
        "arms": [{"name": "control", "weight": 1}, {"name": "evening", "weight": 1}],
        "baseline": 0.5,
        "minimum_detectable_effect": 0.1,
        **changes,
    }


async def registered(experiments: Driven, **changes: Any) -> dict[str, Any]:
    body = registration(await known_problem(experiments), **changes)
    answer = await experiments.http.post("/v1/experiments", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def running(experiments: Driven, **changes: Any) -> dict[str, Any]:
    """An experiment that counts from BEGINNING."""
    draft = await registered(experiments, **changes)
    answer = await experiments.http.post(
        f"/v1/experiments/{draft['id']}/start", json={"counts_from": BEGINNING.isoformat()}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def exposed(unit: str, variant: str, minute: int = 1, experiment: str = "reminder-timing") -> ObservationExposed:
    at = BEGINNING + timedelta(minutes=minute)
    return ObservationExposed(experiment=experiment, unit=unit, variant=variant, at=at)


def measured(unit: str, minute: int = 2, value: float = 1.0, metric: str = "kept") -> ObservationMeasured:
    return ObservationMeasured(unit=unit, metric=metric, value=value, at=BEGINNING + timedelta(minutes=minute))


async def readout_of(experiments: Driven, experiment: dict[str, Any]) -> dict[str, Any]:
    answer = await experiments.http.get(f"/v1/experiments/{experiment['id']}/readout")
    assert answer.status_code == 200, answer.text
    return answer.json()


def trial(arm: str, units: int, converted: int, metric: str = "kept") -> list[Any]:
    """Units of one arm, the first of which convert."""
    names = [f"{arm}-{number}" for number in range(units)]
    return [*(exposed(name, arm) for name in names), *(measured(name, metric=metric) for name in names[:converted])]
