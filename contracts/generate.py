"""Writes everything that is derived from the catalogue and the event classes; refuses what would break a reader.

    python -m contracts.generate               # write what is stale (also: make contracts)
    python -m contracts.generate --check       # write nothing; exit 1 and say what is stale
    python -m contracts.generate --unreleased  # rewrite revision 1 of every schema: only before the first release

Written are schemas/<type>/<revision>.json, samples/ (their layout only), asyncapi.yaml, and the marked parts of this
folder's and the services' READMEs. A schema's revisions are released promises: a change that is compatible with every
one of them appends a revision (better wording alone rewrites the newest), any other change is refused.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.asyncapi import NameTaken, asyncapi_of
from contracts.catalog import CATALOG, EventType
from contracts.compat import incompatibilities, same_shape
from contracts.envelope import EnvelopeInvalid
from contracts.golden import as_sent, sample_path
from contracts.schema import identified, schema_of
from contracts.tables import MarkersMissing, catalogue_tables, fill, service_readme, service_tables

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Plan:
    """What the files should hold, which files should not be there, and which changes are refused, with the remedy."""

    files: dict[Path, str] = field(default_factory=dict)
    surplus: list[Path] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def stale(self) -> list[Path]:
        """The files that differ from the plan, in order."""
        changed = [path for path, text in self.files.items() if not path.exists() or path.read_text("utf-8") != text]
        return sorted([*changed, *self.surplus])

    def carry_out(self) -> list[Path]:
        """Write and delete; returns what changed."""
        changed = self.stale()
        for path in changed:
            if path in self.surplus:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.files[path], "utf-8")
        return changed


def plan(root: Path = ROOT, catalog: Sequence[EventType] = CATALOG, *, unreleased: bool = False) -> Plan:
    """Everything that `make contracts` would do under `root`, without doing it."""
    found = Plan()
    contracts = root / "contracts"
    for entry in catalog:
        _plan_schema(found, entry, contracts / "schemas" / entry.type, unreleased)
        _plan_sample(found, entry, sample_path(contracts, entry.type))
    _plan_retired(found, contracts / "schemas", {entry.type for entry in catalog}, unreleased)
    samples = {entry.type: json.loads(found.files.get(sample_path(contracts, entry.type), "{}")) for entry in catalog}
    try:
        found.files[contracts / "asyncapi.yaml"] = asyncapi_of(catalog, samples)
        _plan_readmes(found, root, catalog)
    except (NameTaken, MarkersMissing) as error:
        found.refused.append(str(error))
    return found


def _plan_sample(found: Plan, entry: EventType, path: Path) -> None:
    try:
        found.files[path] = as_sent(path.read_bytes())
    except FileNotFoundError:
        found.refused.append(f"{entry.type}: no sample; write one real CloudEvent to contracts/samples/{path.name}")
    except EnvelopeInvalid as error:
        found.refused.append(f"{entry.type}: its sample is none: {error}; mend contracts/samples/{path.name}")


def _plan_schema(found: Plan, entry: EventType, folder: Path, unreleased: bool) -> None:
    schema = schema_of(entry.event)
    released = {} if unreleased else released_revisions(folder)
    for revision, text in _kept(released).items():
        found.files[folder / f"{revision}.json"] = text
    reasons = [
        f"{entry.type}: {reason} (revision {revision})"
        for revision, old in released.items()
        for reason in incompatibilities(old, schema)
    ]
    newest = max(released, default=0)
    if reasons:
        remedy = f"make {_next_version(entry.type)} instead (contracts/README.md says how)"
        if newest > 1:
            remedy += f", or delete {newest}.json if that revision was never released"
        found.refused.append("\n".join([*reasons, f"  Remedy: undo the change, or {remedy}."]))
        return
    revision = newest if newest and same_shape(released[newest], schema) else newest + 1
    found.files[folder / f"{revision}.json"] = _json(identified(schema, entry.type, revision))
    if unreleased:
        found.surplus += [path for path in folder.glob("*.json") if path.name != "1.json"]


def released_revisions(folder: Path) -> dict[int, dict[str, Any]]:
    """The schemas released for one type, by revision, oldest first."""
    numbers = sorted(int(path.stem) for path in folder.glob("*.json"))
    return {number: json.loads((folder / f"{number}.json").read_text("utf-8")) for number in numbers}


def _kept(released: dict[int, dict[str, Any]]) -> dict[int, str]:
    return {revision: _json(schema) for revision, schema in released.items()}


def _plan_retired(found: Plan, folder: Path, types: set[str], unreleased: bool) -> None:
    """Schemas of types that left the catalogue: old events may still be kept somewhere, so a person decides."""
    for path in sorted(folder.glob("*/*.json")):
        if path.parent.name in types:
            continue
        if unreleased:
            found.surplus.append(path)
        else:
            found.refused.append(
                f"{path.parent.name}: {path.name} is here, but the catalogue does not know the type.\n"
                "  Remedy: put the event back into contracts/catalog.py; or, once no stream, outbox or dead letter"
                f" holds one, delete the folder {path.parent.name}."
            )


def _plan_readmes(found: Plan, root: Path, catalog: Sequence[EventType]) -> None:
    readme = root / "contracts" / "README.md"
    found.files[readme] = fill(readme, catalogue_tables(catalog))
    for service in sorted({entry.owner for entry in catalog} | {name for e in catalog for name in e.consumers}):
        path = root / "services" / service / "README.md"
        marked = service_tables(service, catalog)
        found.files[path] = fill(path, marked) if path.exists() else service_readme(service, marked)


def _next_version(type_: str) -> str:
    stem, _, version = type_.rpartition(".v")
    return f"{stem}.v{int(version) + 1}"


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None, root: Path = ROOT, catalog: Sequence[EventType] = CATALOG) -> int:
    """The command; returns its exit code: 0 all is well, 1 stale (with --check) or refused."""
    parser = argparse.ArgumentParser(prog="python -m contracts.generate", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and say what is stale")
    parser.add_argument("--unreleased", action="store_true", help="rewrite revision 1: only before the first release")
    options = parser.parse_args(arguments)
    wanted = plan(root, catalog, unreleased=options.unreleased)
    for reason in wanted.refused:
        print(f"refused: {reason}", file=sys.stderr)
    changed = wanted.stale() if options.check else [] if wanted.refused else wanted.carry_out()
    for path in changed:
        print(f"{'stale' if options.check else 'written'}: {path.relative_to(root)}")
    if options.check and changed:
        print("Run `make contracts` and commit what it writes.")
    return 1 if wanted.refused or (options.check and changed) else 0


if __name__ == "__main__":
    sys.exit(main())
