"""What the tests of this service share: a registered and started experiment, and observations of it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.experiments import ObservationExposed, ObservationMeasured
from contracts.problems import ProblemOpened
from services.experiments.domain.tally import Tally
from services.experiments.use_cases.look import look
from tests.support.driven import Driven

DAYS = 8  # more than the minimum of days that an experiment has by default
DAY = 24 * 60
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


async def assumed(experiments: Driven, problem_id: UUID | str, risk: str = "value") -> str:
    """An assumption about the problem, of an option to build something: its id."""
    about = {"kind": "build", "title": "Remind in the evening"}
    option = (await experiments.http.post(f"/v1/problems/{problem_id}/options", json=about)).json()
    body = {"risk": risk, "statement": "Clients read it in the evening", "importance": 4}
    stated = await experiments.http.post(f"/v1/options/{option['id']}/assumptions", json=body)
    assert stated.status_code == 201, stated.text
    return stated.json()["id"]


async def testing(experiments: Driven, **changes: Any) -> dict[str, Any]:
    """A draft that says which assumption it tests, and may start."""
    problem_id = await known_problem(experiments)
    body = registration(problem_id, assumption_id=await assumed(experiments, problem_id), **changes)
    answer = await experiments.http.post("/v1/experiments", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def running(experiments: Driven, **changes: Any) -> dict[str, Any]:
    """An experiment that counts from BEGINNING."""
    draft = await testing(experiments, **changes)
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


def trial(arm: str, units: int, converted: int, metric: str = "kept", days: int = DAYS) -> list[Any]:
    """Units of one arm, the first of which convert; exposed over so many days, in the same hours in every arm."""
    names = [f"{arm}-{number}" for number in range(units)]
    minutes = {name: 1 + number % (days + 1) * DAY for number, name in enumerate(names)}
    return [
        *(exposed(name, arm, minute=minutes[name]) for name in names),
        *(measured(name, minute=minutes[name] + 1, metric=metric) for name in names[:converted]),
    ]


async def tally_of(experiments: Driven, experiment: dict[str, Any]) -> Tally:
    """What was counted, as the service's own look finds it."""
    async with experiments.transactions.begin(experiments.workspace) as work:
        found = await (await work.experiments()).find(experiment["id"])
        kept = await (await work.readouts()).claim(experiment["id"], wait=True)
        return (await look(found, kept, work)).tally


def value_of(tally: Tally, metric: str, arm: str) -> tuple[float, float]:
    """Units, and the sum of the metric over them."""
    named = {one.name: one for one in tally.layout.metrics}
    moments = tally.of(named[metric], arm)
    return float(moments.n), float(moments.n * moments.means[0])
