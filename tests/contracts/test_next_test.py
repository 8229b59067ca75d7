"""Two services say what to test next by one rule: experiments from what it keeps, the console from what it was told."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.console.domain.facts import ref
from services.console.domain.next_test import STRENGTH, Examined, riskiest
from services.console.domain.nodes import Node
from services.experiments.domain.experiment import Experiment
from services.experiments.domain.kinds import KINDS
from services.experiments.domain.option import Assumption, Option
from services.experiments.domain.plan import Plan
from services.experiments.domain.tree import RISKS, grow

AT = datetime(2026, 11, 1, tzinfo=UTC)
PROBLEM, OPTION = UUID(int=1), UUID(int=2)

assumptions = st.tuples(st.sampled_from(RISKS), st.integers(1, 5))
# The assumption that is tested, the kind, where in its life it is, and whether it takes the place of the one before it.
experiments = st.tuples(
    st.integers(0, 3),
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(["draft", "running", "supported", "refuted", "inconclusive"]),
    st.booleans(),
)


def plan(kind: str, assumption: UUID) -> Plan:
    arms = max(KINDS[kind].arms[0], 1)  # type: ignore[index]  # one of the kinds
    about: dict[str, Any] = {
        "key": "k",
        "kind": kind,
        "problem_id": PROBLEM,
        "hypothesis": "h",
        "primary_metric": {"name": "m", "kind": "conversion", "direction": "increase"},
        "arms": [{"name": f"arm-{n}", "weight": 1.0} for n in range(arms)],
        "baseline": 0.3,
        "minimum_detectable_effect": 0.1,
        "assumption_id": assumption,
    }
    return Plan.model_validate(about)


@settings(max_examples=300, deadline=None)
@given(st.lists(assumptions, min_size=1, max_size=4), st.lists(experiments, max_size=5))
def test_both_choose_the_same_assumption(stated: list[Any], tests: list[Any]) -> None:
    option = Option(OPTION, PROBLEM, "build", "t", "", AT)
    known = [
        Assumption(UUID(int=10 + n), PROBLEM, OPTION, risk, "s", importance, AT)
        for n, (risk, importance) in enumerate(stated)
    ]
    kept, seen, previous = list[Experiment](), list[Examined](), None
    nodes = [
        Node(ref("assumption", one.id), "s", "", "stated", AT, {"risk": one.risk, "importance": one.importance})
        for one in known
    ]
    replaced = {n - 1 for n, (_, _, life, follows) in enumerate(tests) if follows and n and life != "draft"}
    for n, (tested, kind, life, _) in enumerate(tests):
        place = tested % len(known)
        ended = life not in ("draft", "running")
        state = "concluded" if ended else "stopped" if n in replaced and life == "running" else life
        conclusion = {"conclusion": life, "learned": "l"} if ended else None
        follows = previous if n - 1 in replaced else None
        kept.append(
            Experiment(
                UUID(int=100 + n),
                plan(kind, known[place].id),
                state,  # type: ignore[arg-type]  # one of the life's states
                AT,
                9,
                previous_id=follows,
                conclusion=conclusion,
                concluded_at=AT,
            )
        )
        previous = kept[-1].id
        if life == "draft":
            continue  # nobody is told of a draft
        shown = "concluded" if ended else "replaced" if n in replaced else "running"
        node = Node(ref("experiment", kept[-1].id), "k", "h", shown, AT, {"kind": kind})
        said = Node(ref("conclusion", kept[-1].id), "s", "l", life, AT) if ended else None
        seen.append(Examined(node, [nodes[place]], said))
    branch, proposed = grow([option], known, kept, []).test_next, riskiest(nodes, seen)
    assert (branch and str(branch.assumption.id)) == (proposed and proposed.assumption.ref.id)
    assert (branch and branch.priority) == (proposed and proposed.priority)


def test_both_weigh_kinds_of_experiments_alike() -> None:
    assert {kind: traits.strength for kind, traits in KINDS.items()} == STRENGTH
