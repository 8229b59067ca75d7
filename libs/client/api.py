"""Every call of the public API, written once: the sync and the async client only differ in how they send it.

`One` is what a call for one document gives (a document, or something to await), `Many` an iterator over all pages of a
list, `Lot` the receipts of many items, `Feed` the iterator over the feed.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from .calls import Call, get, idempotent, in_parts, write
from .shapes import Exposure, Feedback, Outcome

One = TypeVar("One")
Many = TypeVar("Many")
Lot = TypeVar("Lot")
Feed = TypeVar("Feed")
Id = str | UUID

Question = Literal["why", "who", "vision", "unique", "success", "buy", "impact", "risks"]
PositionKind = Literal["agree", "concern", "object"]


class Api(ABC, Generic[One, Many, Lot, Feed]):
    """The calls. Each raises Refused (or a subclass) when the platform says no, and Unreachable when nobody answers."""

    @abstractmethod
    def send(self, call: Call) -> One:
        """Send any call of the API and give the document that it answers."""

    @abstractmethod
    def _many(self, call: Call) -> Many: ...

    @abstractmethod
    def _lot(self, calls: Iterator[Call]) -> Lot: ...

    @abstractmethod
    def feed(
        self, cursor: str | None = None, *, types: Sequence[str] = (), follow: bool = False, wait: float = 2.0
    ) -> Feed:
        """Everything a reader of decisions needs, in order, after `cursor` (default: from the beginning).

        `types` narrows it, for example `["decision.*"]`. Each item carries the cursor to keep. With `follow` it never
        ends and asks again every `wait` seconds.
        """

    # Product tools

    def send_feedback(self, items: Iterable[Feedback | Mapping[str, Any]], *, key: str | None = None) -> Lot:
        """Send customers' words, any number of them; gives one receipt for each. A bad item does not stop the others.

        They go in parts of at most 1,000. With `(source, external_id)` on every item, or with a `key` of your own,
        the whole call can be made again without counting anything twice.
        """
        return self._lot(in_parts("/v1/feedback", items, key))

    def observe(self, items: Iterable[Exposure | Outcome | Mapping[str, Any]], *, key: str | None = None) -> Lot:
        """Send exposures and outcomes of experiments, any number; gives one receipt for each.

        With a `key` of your own the whole call can be made again without counting anything twice.
        """
        return self._lot(in_parts("/v1/observations", items, key))

    def feedback(self, feedback_id: Id) -> One:
        """The words as they came."""
        return self.send(get(f"/v1/feedback/{feedback_id}"))

    # Problems

    def problems(
        self,
        *,
        sort: Literal["opportunity", "recent", "reports"] | None = None,
        status: str | None = None,
        segment: str | None = None,
        q: str | None = None,
    ) -> Many:
        """All problems, the most worth solving first."""
        return self._many(get("/v1/problems", sort=sort, status=status, segment=segment, q=q))

    def problem(self, problem_id: Id) -> One:
        """One problem: its statement, reach, worth, and the eight questions of its brief."""
        return self.send(get(f"/v1/problems/{problem_id}"))

    def evidence(self, problem_id: Id) -> Many:
        """The quotes that make up a problem, each with the reason why it belongs there."""
        return self._many(get(f"/v1/problems/{problem_id}/evidence"))

    def merge_problems(self, problem_id: Id, into: Id, reason: str | None = None) -> One:
        """Say that `problem_id` is the same problem as `into`. It sticks."""
        return self.send(write("POST", f"/v1/problems/{problem_id}/merge", {"into": str(into), "reason": reason}))

    def split_problem(self, problem_id: Id, feedback: Sequence[Id]) -> One:
        """Say that this feedback is about something else than the rest of the problem. It sticks."""
        body = {"feedback": [str(one) for one in feedback]}
        return self.send(write("POST", f"/v1/problems/{problem_id}/split", body))

    def move_feedback(self, feedback_id: Id, to: Id | None) -> One:
        """Say that this feedback belongs to another problem, or (None) to none. It sticks."""
        body = {"to": None if to is None else str(to)}  # here null says something, and is sent
        return self.send(Call("POST", f"/v1/feedback/{feedback_id}/move", json=body, headers=idempotent()))

    def answer_brief(
        self,
        problem_id: Id,
        question: Question,
        answer: str,
        *,
        evidence: Sequence[Mapping[str, str]] = (),
        assumption: bool = False,
    ) -> One:
        """Answer one of the eight questions, with evidence or openly as an assumption."""
        body = {"answer": answer, "evidence": [dict(one) for one in evidence], "assumption": assumption}
        return self.send(write("PUT", f"/v1/problems/{problem_id}/brief/{question}", body))

    # Options, assumptions, experiments

    def propose_option(self, problem_id: Id, kind: str, title: str, description: str | None = None) -> One:
        """A way to solve a problem; `kind` is build, buy, partner or nothing."""
        body = {"kind": kind, "title": title, "description": description}
        return self.send(write("POST", f"/v1/problems/{problem_id}/options", body))

    def options(self, problem_id: Id) -> Many:
        """The options of a problem with their assumptions."""
        return self._many(get(f"/v1/problems/{problem_id}/options"))

    def state_assumption(self, option_id: Id, risk: str, statement: str, importance: int) -> One:
        """What must be true for an option to work; `risk` is value, usability, feasibility or viability."""
        body = {"risk": risk, "statement": statement, "importance": importance}
        return self.send(write("POST", f"/v1/options/{option_id}/assumptions", body))

    def state_evidence(self, assumption_id: Id, says: str, note: str, source: str | None = None) -> One:
        """What is known about an assumption besides experiments; `says` is supports, refutes or unclear."""
        body = {"says": says, "note": note, "source": source}
        return self.send(write("POST", f"/v1/assumptions/{assumption_id}/evidence", body))

    def tree(self, problem_id: Id) -> One:
        """The options of a problem, what they assume, what is known about that, and what to test next."""
        return self.send(get(f"/v1/problems/{problem_id}/tree"))

    def register_experiment(self, experiment: Mapping[str, Any]) -> One:
        """Register what will be tested, and how it will be judged, before anything is measured."""
        return self.send(write("POST", "/v1/experiments", dict(experiment)))

    def experiments(self) -> Many:
        """All experiments, newest first."""
        return self._many(get("/v1/experiments"))

    def experiment(self, experiment_id: Id) -> One:
        """One experiment as it was registered, and its state."""
        return self.send(get(f"/v1/experiments/{experiment_id}"))

    def readout(self, experiment_id: Id) -> One:
        """What the experiment shows now; safe to look at as often as you like."""
        return self.send(get(f"/v1/experiments/{experiment_id}/readout"))

    def start_experiment(self, experiment_id: Id, counts_from: datetime | None = None) -> One:
        """Begin to count, from now or an earlier moment. What was registered no longer changes."""
        body = {"counts_from": counts_from.isoformat()} if counts_from else None
        return self.send(write("POST", f"/v1/experiments/{experiment_id}/start", body))

    def revise_experiment(self, experiment_id: Id, plan: Mapping[str, Any], reason: str) -> One:
        """Stop it and start a new version under the same key, with another registration."""
        body = {"plan": dict(plan), "reason": reason}
        return self.send(write("POST", f"/v1/experiments/{experiment_id}/revise", body))

    def enter_finding(self, experiment_id: Id, asked: int, agreed: int, note: str = "") -> One:
        """What was counted in interviews, prototype sessions or a survey: how many were asked, and how many agreed."""
        body = {"asked": asked, "agreed": agreed, "note": note}
        return self.send(write("POST", f"/v1/experiments/{experiment_id}/findings", body))

    def stop_experiment(self, experiment_id: Id) -> One:
        """Count no longer."""
        return self.send(write("POST", f"/v1/experiments/{experiment_id}/stop"))

    def conclude_experiment(self, experiment_id: Id, learned: str, conclusion: str | None = None) -> One:
        """Close it with what was learned; the readout of this moment is kept with it."""
        body = {"learned": learned, "conclusion": conclusion}
        return self.send(write("POST", f"/v1/experiments/{experiment_id}/conclude", body))

    # Objectives and decisions

    def set_objective(self, objective: Mapping[str, Any]) -> One:
        """What the business wants and how much it weighs: `{"name", "weight", "description", "problem_ids"}`."""
        return self.send(write("POST", "/v1/objectives", dict(objective)))

    def objectives(self) -> Many:
        """All objectives."""
        return self._many(get("/v1/objectives"))

    def propose_decision(self, decision: Mapping[str, Any]) -> One:
        """Propose what to do: problem, title, choice, reason, evidence, alternatives and why not."""
        return self.send(write("POST", "/v1/decisions", dict(decision)))

    def take_position(self, decision_id: Id, stakeholder: str, position: PositionKind, comment: str = "") -> One:
        """Where a stakeholder stands. A later position replaces the earlier one."""
        body = {"stakeholder": stakeholder, "position": position, "comment": comment}
        return self.send(write("POST", f"/v1/decisions/{decision_id}/positions", body))

    def make_decision(
        self,
        decision_id: Id,
        *,
        review_on: date | str,
        made_by: str | None = None,
        answer_to_concerns: str | None = None,
    ) -> One:
        """The decision stands. Raises Conflict, naming who and what, while a concern has no answer."""
        body = {"review_on": str(review_on), "made_by": made_by, "answer_to_concerns": answer_to_concerns}
        return self.send(write("POST", f"/v1/decisions/{decision_id}/make", body))

    def review_decision(self, decision_id: Id, outcome: str, learned: str) -> One:
        """What became of it: as_expected, better, worse or too_early, and what was learned."""
        body = {"outcome": outcome, "learned": learned}
        return self.send(write("POST", f"/v1/decisions/{decision_id}/review", body))

    def decisions(self, *, status: str | None = None) -> Many:
        """All decisions, newest first."""
        return self._many(get("/v1/decisions", status=status))

    def decision(self, decision_id: Id) -> One:
        """One decision with its positions."""
        return self.send(get(f"/v1/decisions/{decision_id}"))

    def lineage(self, decision_id: Id) -> One:
        """The thread from a decision back to every customer's words: nodes and edges."""
        return self.send(get(f"/v1/decisions/{decision_id}/lineage"))

    # Being told

    def subscribe(self, subscription: Mapping[str, Any]) -> One:
        """Be told of what fits a filter: `{"name", "channel", "url", "filter"}`. The secret is shown this once."""
        return self.send(write("POST", "/v1/subscriptions", dict(subscription)))

    def subscriptions(self) -> Many:
        """All subscriptions."""
        return self._many(get("/v1/subscriptions"))

    def unsubscribe(self, subscription_id: Id) -> One:
        """Be told no more."""
        return self.send(write("DELETE", f"/v1/subscriptions/{subscription_id}"))

    def test_subscription(self, subscription_id: Id) -> One:
        """Send a test event now and give the receiver's answer."""
        return self.send(write("POST", f"/v1/subscriptions/{subscription_id}/test"))

    def deliveries(self, *, status: str | None = None, subscription_id: Id | None = None) -> Many:
        """What was delivered to whom, and what was not."""
        return self._many(get("/v1/deliveries", status=status, subscription_id=subscription_id))

    def replay_delivery(self, delivery_id: Id) -> One:
        """Deliver it once more."""
        return self.send(write("POST", f"/v1/deliveries/{delivery_id}/replay"))


def feed_call(cursor: str | None, types: Sequence[str]) -> Call:
    """The request for one page of the feed."""
    return get("/v1/feed", cursor=cursor, types=",".join(types) or None)
