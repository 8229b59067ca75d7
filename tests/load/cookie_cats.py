"""A real experiment through the running platform: the mobile game Cookie Cats moved its first gate from level 30 to 40.

    WHYSTREAM_COOKIE_CATS=…/cookie_cats.csv python -m tests.load.cookie_cats

Needs the file, which is not ours to ship (columns userid, version, sum_gamerounds, retention_1, retention_7; 90,189
players). It starts a platform of its own, sends every player over POST /v1/observations in the order of userid, spread
over two weeks because the file has no times, reads the live readout on the way, and compares the end with the known
results (statsmodels and scipy on the same file). Exits 1 when one differs.
"""

import csv
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import sqrt
from pathlib import Path
from typing import Any

from scipy.special import ndtr

from deploy.embedded.home import temporary_home
from services.experiments.domain.plan import Plan
from services.experiments.domain.sizing import planned_units
from tests.support.up import Up, running_up

VARIABLE = "WHYSTREAM_COOKIE_CATS"
PLANNED = 90_000
DAYS = 14
_PLAYERS_AT_ONCE = 240  # with their outcomes these fit one request
_WITHIN = 300.0

Player = dict[str, str]


class Differs(Exception):
    """A result is not the known one."""


@dataclass(frozen=True)
class Known:
    """A result of the file, and how near ours must come."""

    name: str
    value: float
    within: float

    def compare(self, found: float) -> None:
        good = abs(found - self.value) <= self.within
        print(f"  {self.name:44} {found:>12.6g}   known {self.value:<10g} {'ok' if good else 'DIFFERS'}")
        if not good:
            raise Differs(self.name)


def players(path: Path) -> list[Player]:
    with path.open(newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: int(row["userid"]))


def observations(rows: Sequence[Player], begin: datetime, key: str) -> Iterator[list[dict[str, Any]]]:
    """Requests, in time order: each player's exposure, and what was measured about him within the window."""
    step = timedelta(days=DAYS) / len(rows)
    for first in range(0, len(rows), _PLAYERS_AT_ONCE):
        part: list[dict[str, Any]] = []
        for number, row in enumerate(rows[first : first + _PLAYERS_AT_ONCE], first):
            at = begin + number * step
            unit = f"player-{row['userid']}"
            part.append({"experiment": key, "unit": unit, "variant": row["version"], "at": at.isoformat()})
            rounds = float(row["sum_gamerounds"])
            part.append(_measured(unit, "sum_gamerounds", rounds, at + timedelta(minutes=30)))
            if row["retention_1"] == "TRUE":
                part.append(_measured(unit, "retention_1", 1.0, at + timedelta(hours=20)))
            if row["retention_7"] == "TRUE":
                part.append(_measured(unit, "retention_7", 1.0, at + timedelta(hours=21)))
        yield part


def _measured(unit: str, metric: str, value: float, at: datetime) -> dict[str, Any]:
    return {"unit": unit, "metric": metric, "value": value, "at": at.isoformat()}


def plan(problem_id: str, key: str) -> dict[str, Any]:
    """Registered for 90,000 players: the effect that needs so many is looked for."""
    found: dict[str, Any] = {
        "key": key,
        "problem_id": problem_id,
        "hypothesis": "A later first gate keeps more players for a week",
        "primary_metric": {"name": "retention_7", "kind": "conversion", "direction": "increase"},
        "guardrails": [
            {"metric": {"name": "retention_1", "kind": "conversion", "direction": "increase"}, "margin": 0.01},
            {"metric": {"name": "sum_gamerounds", "kind": "mean", "direction": "increase"}, "margin": 5},
        ],
        "arms": [{"name": "gate_30", "weight": 1}, {"name": "gate_40", "weight": 1}],
        "baseline": 0.19,
    }
    low, high = 0.001, 0.05
    for _ in range(60):
        effect = (low + high) / 2
        needed = planned_units(Plan.model_validate({**found, "minimum_detectable_effect": effect}))
        low, high = (effect, high) if needed > PLANNED else (low, effect)
    return {**found, "minimum_detectable_effect": high}


def asked(up: Up, method: str, path: str, body: Any = None) -> Any:
    answer = up.call(method, path, json=body) if body is not None else up.call(method, path)
    answer.raise_for_status()
    return answer.json()


def problem_of(up: Up) -> str:
    """A problem to test something about, known to experiments."""
    for text in ("The first gate stops me when it gets good", "The first gate stops me just when it gets good"):
        asked(up, "POST", "/v1/feedback", {"text": text, "source": "app-store"})
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = asked(up, "GET", "/v1/problems")["items"]
        if found and up.call("GET", f"/v1/problems/{found[0]['id']}/options").is_success:
            return found[0]["id"]
        time.sleep(0.2)
    raise TimeoutError("no problem within a minute")


def assumption_of(up: Up, problem: str) -> str:
    """What the experiment tests."""
    option = asked(up, "POST", f"/v1/problems/{problem}/options", {"kind": "build", "title": "A later first gate"})
    stated = {"risk": "value", "statement": "A later gate keeps players in the game", "importance": 4}
    return asked(up, "POST", f"/v1/options/{option['id']}/assumptions", stated)["id"]


def stream(up: Up, rows: Sequence[Player], experiment: str, key: str, begin: datetime) -> dict[str, Any]:
    """Send everybody, looking on the way; the readout when all were counted."""
    sent, started = 0, time.monotonic()
    for number, part in enumerate(observations(rows, begin, key), 1):
        asked(up, "POST", "/v1/observations", part)
        sent += len(part)
        if number % 75 == 0:
            _show(asked(up, "GET", f"/v1/experiments/{experiment}/readout"))
    print(f"  {sent:,} observations sent in {time.monotonic() - started:.1f} s")
    while time.monotonic() - started < _WITHIN:
        readout = asked(up, "GET", f"/v1/experiments/{experiment}/readout")
        if readout["units"]["counted"] + readout["units"]["waiting"] >= len(rows) and _settled(up):
            print(f"  all counted after {time.monotonic() - started:.1f} s")
            return asked(up, "GET", f"/v1/experiments/{experiment}/readout")
        time.sleep(0.5)
    raise TimeoutError(f"not all players were counted within {_WITHIN:g} s")


def _settled(up: Up) -> bool:
    """Whether the stream's consumer has nothing left: outcomes may be behind their exposures."""
    time.sleep(3)
    return up.process.poll() is None


def _show(readout: dict[str, Any]) -> None:
    effect = readout["primary_metric"]["comparisons"][0]["effect"]
    shown = (
        f"{100 * effect['effect']:+.3f} pp [{100 * effect['lower']:+.3f}, {100 * effect['upper']:+.3f}]"
        if effect
        else "–"
    )
    print(f"  {readout['units']['counted']:>7,} players  {shown:<32} {readout['recommendation']['rule']}")


def compare(readout: dict[str, Any]) -> None:
    arms = {one["arm"]: one["units"] for one in readout["units"]["arms"]}
    n = arms["gate_30"], arms["gate_40"]
    primary = readout["primary_metric"]["comparisons"][0]
    first, rounds = readout["guardrails"]
    Known("players with gate 30", 44_700, 0).compare(n[0])
    Known("players with gate 40", 45_489, 0).compare(n[1])
    Known("retention after 7 days, gate 30", 0.19020, 5e-6).compare(primary["control_mean"])
    Known("retention after 7 days, gate 40", 0.18200, 5e-6).compare(primary["treatment_mean"])
    z, p = pooled(n, primary)
    Known("  pooled z", -3.164, 5e-4).compare(z)
    Known("  pooled p", 0.00155, 5e-6).compare(p)
    Known("  always-valid lower bound", -0.01607, 5e-6).compare(primary["effect"]["lower"])
    Known("  always-valid upper bound", -0.00033, 5e-6).compare(primary["effect"]["upper"])
    Known("  always-valid p", 0.035, 5e-4).compare(primary["p_value"])
    Known("retention after 1 day, gate 30", 0.44819, 5e-6).compare(first["control_mean"])
    Known("retention after 1 day, gate 40", 0.44228, 5e-6).compare(first["treatment_mean"])
    z, p = pooled(n, first)
    Known("  pooled z", -1.784, 5e-4).compare(z)
    Known("  pooled p", 0.0744, 5e-5).compare(p)
    Known("rounds played, gate 30", 52.456, 5e-4).compare(rounds["control_mean"])
    Known("rounds played, gate 40", 51.299, 5e-4).compare(rounds["treatment_mean"])
    Known("sample ratio, chi-squared p", 0.00861, 5e-6).compare(readout["health"]["sample_ratio"]["chi2_p_value"])


def pooled(n: tuple[int, int], found: dict[str, Any]) -> tuple[float, float]:
    """The textbook's z and p for one look, from what the readout shows of the arms."""
    control, treatment = found["control_mean"], found["treatment_mean"]
    rate = (control * n[0] + treatment * n[1]) / sum(n)
    z = (treatment - control) / sqrt(rate * (1 - rate) * (1 / n[0] + 1 / n[1]))
    return z, float(2 * ndtr(-abs(z)))


def main() -> int:
    path = os.environ.get(VARIABLE)
    if not path:
        print(f"set {VARIABLE} to the file cookie_cats.csv; see the head of this module")
        return 0
    rows = players(Path(path))
    key, begin = "first-gate", datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=DAYS + 2)
    with temporary_home() as home, running_up(home) as up:
        up.ready()
        problem = problem_of(up)
        about = plan(problem, key) | {"assumption_id": assumption_of(up, problem)}
        draft = asked(up, "POST", "/v1/experiments", about)
        asked(up, "POST", f"/v1/experiments/{draft['id']}/start", {"counts_from": begin.isoformat()})
        print(f"registered for {draft['planned_units']:,} players")
        readout = stream(up, rows, draft["id"], key, begin)
        compare(readout)
        print(f"  {readout['summary']}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Differs as differs:
        sys.exit(f"not the known result: {differs}")
