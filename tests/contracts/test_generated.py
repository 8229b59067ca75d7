"""What is committed is what the catalogue gives; a released schema grows and never changes."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from contracts import feedback
from contracts.asyncapi import NameTaken, asyncapi_of
from contracts.catalog import CATALOG, EventType, consumed_by, owned_by
from contracts.event import Line
from contracts.generate import ROOT, main, plan, released_revisions
from tests.contracts.made_up import TYPE, KettleBoiled, Spout, catalog_of, changed

ENVELOPE = {
    "specversion": "1.0",
    "id": "01a10b56-3717-7dbd-bcbd-f562b407e33e",
    "source": "/whystream/triage",
    "type": TYPE,
    "time": "2026-10-05T09:12:42Z",
    "workspace": "tidewell",
    "data": {"kettle_id": "01a10b56-352e-75ab-a5f8-25df43649461", "celsius": 100, "name": "blue"},
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository that has released nothing yet: one event's sample, and a README to fill."""
    contracts = tmp_path / "contracts"
    (contracts / "samples").mkdir(parents=True)
    (contracts / "samples" / f"{TYPE}.json").write_text(json.dumps(ENVELOPE, indent=2))
    (contracts / "README.md").write_text("# Made up\n\n<!-- catalogue -->\n<!-- /catalogue -->\n\nthe end\n")
    return tmp_path


def run(tree: Path, event: type[Any] = KettleBoiled, *arguments: str) -> int:
    return main(arguments, tree, catalog_of(event))


def test_nothing_committed_is_stale_or_refused() -> None:
    wanted = plan()
    assert not wanted.refused, "\n".join(wanted.refused)
    assert not wanted.stale(), "run `make contracts` and commit what it writes"


def test_every_event_has_a_valid_schema_with_an_id_of_its_own() -> None:
    identities = set()
    for entry in CATALOG:
        for revision, schema in released_revisions(ROOT / "contracts" / "schemas" / entry.type).items():
            Draft202012Validator.check_schema(schema)
            assert schema["$id"] == f"urn:whystream:schema:{entry.type}:{revision}"
            identities.add(schema["$id"])
    assert len(identities) >= len(CATALOG)


def test_writing_twice_changes_nothing(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tree) == 0
    assert f"written: contracts/schemas/{TYPE}/1.json" in capsys.readouterr().out
    assert run(tree) == 0
    assert run(tree, KettleBoiled, "--check") == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "path",
    [
        f"contracts/schemas/{TYPE}/1.json",
        f"contracts/samples/{TYPE}.json",
        "contracts/asyncapi.yaml",
        "services/triage/README.md",
    ],
)
def test_check_finds_a_file_that_was_changed_or_lost_and_writes_nothing(
    tree: Path, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tree)
    file = tree / path
    touched = file.read_text().replace('"name"', '"name" ').replace("water", "tea")
    file.write_text(touched)
    assert run(tree, KettleBoiled, "--check") == 1
    assert f"stale: {path}" in capsys.readouterr().out
    assert file.read_text() == touched
    if "samples" not in path:
        file.unlink()
        assert run(tree, KettleBoiled, "--check") == 1
        assert not file.exists()
    assert run(tree) == 0
    assert run(tree, KettleBoiled, "--check") == 0


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"without": ("note",)}, "note: removed"),
        ({"without": ("note",), "remark": (str | None, None)}, "note: renamed"),
        ({"celsius": (float, ...)}, "celsius: retyped"),
        ({"place": (str, ...)}, "place: newly required"),
        ({"spouts": (tuple[str, ...], ())}, "spouts[]: retyped"),
    ],
)
def test_an_incompatible_change_is_refused_with_event_field_rule_and_remedy(
    tree: Path, changes: dict[str, Any], rule: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tree)
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    assert run(tree, changed(**changes)) == 1
    message = capsys.readouterr().err
    assert f"{TYPE}: {rule}" in message
    assert "make whystream.kettle.boiled.v2 instead (contracts/README.md" in message
    assert {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()} == before
    assert run(tree, changed(**changes), "--check") == 1


def test_an_added_optional_field_appends_a_revision_and_keeps_the_old_ones(tree: Path) -> None:
    run(tree)
    folder = tree / "contracts" / "schemas" / TYPE
    first = (folder / "1.json").read_bytes()
    grown = changed(place=(str | None, None))
    assert run(tree, grown, "--check") == 1
    assert run(tree, grown) == 0
    assert (folder / "1.json").read_bytes() == first
    assert released_revisions(folder)[2]["$id"].endswith(":2")
    assert run(tree, grown, "--check") == 0


def test_every_released_revision_counts_not_only_the_newest(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tree)
    run(tree, changed(place=(Line | None, None)))
    assert run(tree, changed()) == 1, "what revision 2 promised cannot be taken back"
    assert "place: removed" in capsys.readouterr().err
    assert run(tree, changed(place=(int | None, None))) == 1
    assert "delete 2.json if that revision was never released" in capsys.readouterr().err
    assert run(tree, changed(place=(Line | None, None), lid=(Spout | None, None))) == 0
    assert run(tree, changed(place=(Line | None, None), lid=(Spout | None, None), without=("note",))) == 1
    assert capsys.readouterr().err.count("note: removed") == 3


def test_better_words_rewrite_the_newest_revision_only(tree: Path) -> None:
    run(tree)
    worded = type("KettleBoiled", (KettleBoiled,), {"__doc__": "The water is hot enough for tea."})
    assert run(tree, worded) == 0
    revisions = released_revisions(tree / "contracts" / "schemas" / TYPE)
    assert [schema["description"] for schema in revisions.values()] == ["The water is hot enough for tea."]


def test_before_the_first_release_revision_1_may_be_rewritten(tree: Path) -> None:
    run(tree)
    run(tree, changed(place=(str | None, None)))
    assert run(tree, changed(without=("note",)), "--unreleased") == 0
    revisions = released_revisions(tree / "contracts" / "schemas" / TYPE)
    assert list(revisions) == [1]
    assert "note" not in revisions[1]["properties"]


def test_a_type_that_left_the_catalogue_needs_a_decision(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tree)
    retired = tree / "contracts" / "schemas" / "whystream.kettle.filled.v1" / "1.json"
    retired.parent.mkdir()
    retired.write_text("{}")
    assert run(tree) == 1
    assert "whystream.kettle.filled.v1: 1.json is here, but the catalogue does not know" in capsys.readouterr().err
    assert run(tree, KettleBoiled, "--unreleased") == 0
    assert not retired.exists()


def test_an_event_without_a_sample_is_refused(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "contracts" / "samples" / f"{TYPE}.json").unlink()
    assert run(tree) == 1
    assert "no sample; write one real CloudEvent to contracts/samples/" in capsys.readouterr().err


def test_a_sample_that_does_not_fit_its_event_is_refused(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "contracts" / "samples" / f"{TYPE}.json").write_text(json.dumps({**ENVELOPE, "workspace": "Not one"}))
    assert run(tree) == 1
    assert f"{TYPE}: its sample is none: attribute 'workspace'" in capsys.readouterr().err


def test_a_readme_keeps_what_people_wrote_around_the_tables(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tree)
    readme = tree / "services" / "triage" / "README.md"
    readme.write_text(readme.read_text().replace("## Runbook", "## Runbook\n\nRestart it."))
    assert run(tree, KettleBoiled, "--check") == 0
    text = (tree / "contracts" / "README.md").read_text()
    assert text.startswith("# Made up\n")
    assert text.endswith("\n\nthe end\n")
    assert "The water is hot." in text
    readme.write_text("# triage\n")
    assert run(tree) == 1
    assert "put both lines where the tables belong" in capsys.readouterr().err


def test_asyncapi_names_every_sender_receiver_and_address() -> None:
    document = yaml.safe_load((ROOT / "contracts" / "asyncapi.yaml").read_text())
    assert document["asyncapi"] == "3.0.0"
    for entry in CATALOG:
        channel = document["channels"][entry.type]
        assert channel["address"] == entry.subject("{workspace}")
        assert "workspace" in channel["parameters"]
        receivers = {
            name.partition(".")[0] for name in document["operations"] if name.endswith(f"receive.{entry.type}")
        }
        assert receivers == set(entry.consumers)
        assert document["operations"][f"{entry.owner}.send.{entry.type}"]["action"] == "send"
        example = document["components"]["messages"][entry.type]["examples"][0]["payload"]
        assert example["type"] == entry.type


def test_every_reference_in_asyncapi_leads_somewhere() -> None:
    document = yaml.safe_load((ROOT / "contracts" / "asyncapi.yaml").read_text())
    references = list(_references(document))
    assert len(references) > 4 * len(CATALOG)
    for reference in references:
        found = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def _references(node: Any) -> Any:
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "$ref")
        yield from (found for value in node.values() for found in _references(value))
    elif isinstance(node, list):
        yield from (found for value in node for found in _references(value))


def test_two_shapes_cannot_share_a_name() -> None:
    other = changed(without=("note",))
    other.TYPE = "whystream.kettle.emptied.v1"
    with pytest.raises(NameTaken, match="KettleBoiled"):
        asyncapi_of([*catalog_of(KettleBoiled), EventType(other, "triage", ())], {})


def test_readmes_show_what_each_service_hears_and_says() -> None:
    triage = (ROOT / "services" / "triage" / "README.md").read_text()
    says = triage.index("## Says")
    for entry in consumed_by("triage"):
        assert entry.type in triage[:says]
    for entry in owned_by("triage"):
        assert entry.type in triage[says:]
    assert feedback.FeedbackReceived.TYPE not in triage[says:]
