"""The facts in events about options, assumptions and experiments."""

from contracts.experiments import (
    AssumptionStated,
    ExperimentConcluded,
    ExperimentStarted,
    OptionProposed,
    ReadoutChanged,
)
from services.console.domain.facts import Edge, Fact, Ref, Stamp, ref

# What a conclusion does to the assumption that was tested.
_VERDICTS = {"supported": "supports", "refuted": "refutes", "inconclusive": "leaves_open"}


def option_proposed(event: OptionProposed, stamp: Stamp) -> list[Fact]:
    about = ref("option", event.option_id)
    content = {
        "kind": event.kind,
        "title": event.title,
        "description": event.description,
        "at": stamp.at.isoformat(),
    }
    return [Fact(about, "option", stamp, content, (Edge(about, "option_for", ref("problem", event.problem_id)),))]


def assumption_stated(event: AssumptionStated, stamp: Stamp) -> list[Fact]:
    about = ref("assumption", event.assumption_id)
    content = {
        "statement": event.statement,
        "risk": event.risk,
        "importance": event.importance,
        "at": stamp.at.isoformat(),
    }
    edges = [Edge(about, "stated_for", ref("problem", event.problem_id))]
    if event.option_id:
        edges.append(Edge(ref("option", event.option_id), "assumes", about))
    return [Fact(about, "assumption", stamp, content, tuple(edges))]


def started(event: ExperimentStarted, stamp: Stamp) -> list[Fact]:
    about = ref("experiment", event.experiment_id)
    content = event.model_dump(mode="json", exclude={"experiment_id", "assumption_id"}) | {"at": stamp.at.isoformat()}
    edges = [Edge(about, "examines", ref("problem", event.problem_id))]
    if event.assumption_id:
        edges.append(Edge(about, "tests", ref("assumption", event.assumption_id)))
    return [Fact(about, "registered", stamp, content, tuple(edges)), *_replaced(event, stamp)]


def _replaced(event: ExperimentStarted, stamp: Stamp) -> list[Fact]:
    """The earlier version stopped when this one started. Its own place among its events is not known here."""
    if event.previous_id is None:
        return []
    older, newer = ref("experiment", event.previous_id), ref("experiment", event.experiment_id)
    content = {"version": event.version, "at": stamp.at.isoformat()}
    return [Fact(older, "replaced", stamp, content, (Edge(newer, "replaces", older),))]


def readout_changed(event: ReadoutChanged, stamp: Stamp) -> list[Fact]:
    """Every readout that was told stays a node of its own; the experiment keeps the newest beside it."""
    experiment, about = ref("experiment", event.experiment_id), Ref("readout", str(stamp.event))
    content = event.model_dump(mode="json", exclude={"experiment_id"}) | {"at": stamp.at.isoformat()}
    return [
        Fact(about, "readout", stamp, content, (Edge(about, "reads", experiment),)),
        Fact(experiment, "newest_readout", stamp, content, (Edge(experiment, "examines", _problem(event)),)),
    ]


def concluded(event: ExperimentConcluded, stamp: Stamp) -> list[Fact]:
    """The conclusion is a node of its own: it, not the experiment, supports or refutes the assumption."""
    experiment, about = ref("experiment", event.experiment_id), ref("conclusion", event.experiment_id)
    content = event.model_dump(mode="json", exclude={"experiment_id"}) | {"at": stamp.at.isoformat()}
    edges = [Edge(about, "concludes", experiment)]
    if event.assumption_id:
        edges.append(Edge(about, _VERDICTS[event.conclusion], ref("assumption", event.assumption_id)))
    return [
        Fact(about, "conclusion", stamp, content, tuple(edges)),
        Fact(experiment, "concluded", stamp, content, (Edge(experiment, "examines", _problem(event)),)),
    ]


def _problem(event: ReadoutChanged | ExperimentConcluded) -> Ref:
    return ref("problem", event.problem_id)


RULES = {
    OptionProposed: option_proposed,
    AssumptionStated: assumption_stated,
    ExperimentStarted: started,
    ReadoutChanged: readout_changed,
    ExperimentConcluded: concluded,
}
