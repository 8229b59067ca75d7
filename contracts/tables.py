"""The catalogue in Markdown: the marked parts of this folder's README and of each service's."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from contracts.asyncapi import meaning
from contracts.catalog import TOOLS, EventType

START, END = "<!-- catalogue -->", "<!-- /catalogue -->"
_NOTE = "<!-- written by `make contracts` from contracts/catalog.py and the event classes: edit those -->"

OWNS = {
    "intake": "Feedback as received (the vault of words), its sources, the submitters' contact wishes, quarantine.",
    "triage": "Problems, their evidence, people's corrections (must-link, must-not-link), briefs and scores.",
    "experiments": "Options, assumptions (value, usability, feasibility, viability risks), experiments, metrics and "
    "running statistics.",
    "alignment": "Objectives, decisions, positions, subscriptions, deliveries and reviews.",
    "console": "Sessions, and the lineage read model: every node and edge from words to outcome.",
}
_OTHERWISE = {
    "intake": "Words arrive over HTTP and on the NATS subject `ingress.feedback.<workspace>`, which carries no event "
    "of the catalogue.",
}


class MarkersMissing(ValueError):
    """A README lost the place for its generated part; put both markers back where the tables belong."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} has no '{START}' followed by '{END}'; put both lines where the tables belong")


def fill(readme: Path, marked: str) -> str:
    """The README's text with its marked part replaced. Raises MarkersMissing, and FileNotFoundError."""
    before, start, rest = readme.read_text("utf-8").partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise MarkersMissing(readme)
    return f"{before}{_between_markers(marked)}{after}"


def service_readme(service: str, marked: str) -> str:
    """A first README for a service that has none: the generated part, and headings to fill."""
    return f"# {service}\n\n{_between_markers(marked)}\n\n## Tables\n\n## Runbook\n"


def _between_markers(marked: str) -> str:
    return f"{START}\n{_NOTE}\n\n{marked.strip()}\n\n{END}"


def service_tables(service: str, catalog: Sequence[EventType]) -> str:
    """What a service owns, listens to and says."""
    heard = [entry for entry in catalog if service in entry.consumers]
    said = [entry for entry in catalog if entry.owner == service]
    listens = _table(("event", "from", "what it means"), ((_link(e), e.owner, meaning(e)) for e in heard))
    says = _table(("event", "to", "what it means"), ((_link(e), ", ".join(e.consumers), meaning(e)) for e in said))
    parts = ["## Owns", OWNS.get(service, ""), "## Listens to", _OTHERWISE.get(service, ""), listens, "## Says", says]
    nothing = {"## Listens to": not heard and service not in _OTHERWISE, "## Says": not said}
    return "\n\n".join(f"{part}\n\nNothing." if nothing.get(part) else part for part in parts if part)


def catalogue_tables(catalog: Sequence[EventType]) -> str:
    """The flow as a picture, then every event by owner."""
    parts = ["## The flow", _picture(catalog), "## Every event"]
    for owner in dict.fromkeys(entry.owner for entry in catalog):
        rows = (
            (_schema_link(e), meaning(e), ", ".join(e.consumers) or "none", f"`{e.subject('<workspace>')}`", e.stream)
            for e in catalog
            if e.owner == owner
        )
        heading = ("event", "what it means", "consumers", "subject", "stream")
        parts += [f"### Owned by [{owner}](../services/{owner}/README.md)", _table(heading, rows)]
    return "\n\n".join(parts)


def _picture(catalog: Sequence[EventType]) -> str:
    """Mermaid: an arrow per owner and consumer; "everything" where a consumer hears all that an owner says."""
    lines = ["```mermaid", "flowchart LR", '  tools(["product tools"])', f"  {TOOLS} -- words --> intake"]
    if any(entry.streamed for entry in catalog):
        lines.append(f"  {TOOLS} -- observations --> experiments")
    edges: dict[tuple[str, str], list[EventType]] = {}
    for entry in catalog:
        for consumer in entry.consumers:
            if not entry.streamed:
                edges.setdefault((entry.owner, consumer), []).append(entry)
    for (owner, consumer), heard in edges.items():
        everything = [e for e in catalog if e.owner == owner and not e.streamed] == heard
        label = "everything" if everything else "<br/>".join(_short(entry) for entry in heard)
        lines.append(f'  {owner} -- "{label}" --> {consumer}')
    return "\n".join([*lines, "```"])


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    if not body:
        return ""
    return "\n".join(["| " + " | ".join(heading) + " |", "|" + "---|" * len(heading), *body])


def _short(entry: EventType) -> str:
    """`problem.opened`: the type without what all types share, and with its version from the second on."""
    return entry.type.removeprefix("whystream.").removesuffix(".v1")


def _link(entry: EventType) -> str:
    return f"[`{_short(entry)}`](../../contracts/schemas/{entry.type}/)"


def _schema_link(entry: EventType) -> str:
    return f"[`{entry.type}`](schemas/{entry.type}/)"
