"""What is shown of experiments, options and the tree: JSON types only."""

from typing import Any
from uuid import UUID

from services.experiments.domain.evidence import Evidence
from services.experiments.domain.experiment import Experiment
from services.experiments.domain.finding import Finding
from services.experiments.domain.option import Assumption, Option
from services.experiments.domain.tree import RISKS, RULE, Branch, Known, Tree


def experiment_view(experiment: Experiment) -> dict[str, Any]:
    concluded = experiment.conclusion or {}
    return {
        "id": experiment.id,
        "status": experiment.status,
        **experiment.plan.model_dump(mode="json"),
        "risk": experiment.risk,
        "version": experiment.version,
        "previous_id": experiment.previous_id,
        "revised_because": experiment.revised_because,
        "planned_units": experiment.planned_units,
        "planned_days": experiment.planned_days,
        "units_per_day": experiment.units_per_day,
        "gaps": experiment.gaps,
        "created_at": experiment.created_at,
        "counts_from": experiment.counts_from,
        "started_at": experiment.started_at,
        "stopped_at": experiment.stopped_at,
        "concluded_at": experiment.concluded_at,
        **{name: concluded.get(name) for name in ("conclusion", "learned", "concluded_by")},
    }


def option_view(option: Option, assumptions: list[Assumption]) -> dict[str, Any]:
    return {**_option(option), "assumptions": [assumption_view(one) for one in assumptions]}


def _option(option: Option) -> dict[str, Any]:
    return {
        "id": option.id,
        "problem_id": option.problem_id,
        "kind": option.kind,
        "title": option.title,
        "description": option.description,
        "created_at": option.created_at,
    }


def assumption_view(assumption: Assumption) -> dict[str, Any]:
    return {
        "id": assumption.id,
        "problem_id": assumption.problem_id,
        "option_id": assumption.option_id,
        "risk": assumption.risk,
        "statement": assumption.statement,
        "importance": assumption.importance,
        "created_at": assumption.created_at,
    }


def evidence_view(evidence: Evidence) -> dict[str, Any]:
    return {
        "id": evidence.id,
        "assumption_id": evidence.assumption_id,
        "says": evidence.says,
        "note": evidence.note,
        "source": evidence.source,
        "stated_by": evidence.stated_by,
        "stated_at": evidence.stated_at,
    }


def finding_view(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "experiment_id": finding.experiment_id,
        "asked": finding.asked,
        "agreed": finding.agreed,
        "note": finding.note,
        "entered_by": finding.entered_by,
        "entered_at": finding.entered_at,
        "withdrawn_by": finding.withdrawn_by,
        "withdrawn_at": finding.withdrawn_at,
    }


def tree_view(problem_id: UUID, tree: Tree) -> dict[str, Any]:
    """Options with their assumptions by risk, and the riskiest untested one, with the rule that says so."""
    chosen = tree.test_next
    return {
        "problem_id": problem_id,
        "rule": RULE,
        "test_next": {**_branch(chosen, chosen), "option_id": chosen.assumption.option_id} if chosen else None,
        "options": [
            {**_option(option), "assumptions": {risk: _of_risk(risk, branches, chosen) for risk in RISKS}}
            for option, branches in tree.options
        ],
    }


def _of_risk(risk: str, branches: tuple[Branch, ...], chosen: Branch | None) -> list[dict[str, Any]]:
    """The most pressing first."""
    found = [branch for branch in branches if branch.assumption.risk == risk]
    return [_branch(one, chosen) for one in sorted(found, key=lambda one: -one.priority)]


def _branch(branch: Branch, chosen: Branch | None) -> dict[str, Any]:
    return {
        **assumption_view(branch.assumption),
        "evidence": branch.evidence,
        "lack_of_evidence": branch.lack,
        "priority": branch.priority,
        "in_test": branch.in_test,
        "test_next": branch is chosen,
        "known": [_known(one) for one in branch.known],
        "experiments": [_tested(one) for one in branch.experiments],
    }


def _known(known: Known) -> dict[str, Any]:
    source = known.source
    about = {"says": known.says, "strength": known.strength, "words": known.words}
    if isinstance(source, Evidence):
        stated = {"stated_by": source.stated_by, "source": source.source, "at": source.stated_at}
        return {**about, "from": "person", "evidence_id": source.id, **stated}
    return {
        **about,
        "from": "experiment",
        "experiment_id": source.id,
        "kind": source.plan.kind,
        "at": source.concluded_at,
    }


def _tested(experiment: Experiment) -> dict[str, Any]:
    concluded = experiment.conclusion or {}
    return {
        "id": experiment.id,
        "key": experiment.plan.key,
        "kind": experiment.plan.kind,
        "version": experiment.version,
        "status": experiment.status,
        "conclusion": concluded.get("conclusion"),
        "learned": concluded.get("learned"),
    }
