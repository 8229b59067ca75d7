"""A person corrects the engine: groups that are about the same problem become one. It sticks.

One problem told in many words may still fall apart. A person reads the quotes and sees that "cannot
move an appointment", "they phone us instead" and "please add a button to change the time" are one thing. The reading is
done here by a list of what such a person looks for, in the languages of the sample, on the quotes alone.
"""

import re
from dataclasses import dataclass
from typing import Any

from libs.command.demo.story import StepFailed, Story, verify, words_of
from libs.command.demo.words import open_problems
from libs.command.tail import safe

LOOKED_AT = 80
SAME, MIXED = 0.6, 0.35
MOST_MERGES, MOST_MOVES = 12, 40
REASON = "clients who cannot move their own appointment, in other words"
# What such a person looks for: the word for it, "only cancel", "another day", or moving some kind of visit.
_SIGNS = (
    r"re-?(schedul|book|agend|program)|postpone|bring forward|no (edit|change)\b|change it\b",
    r"(only|just|is) [\"“]?(cancel|drop out)|cancel only",
    r"(another|other|different|free|later|new) (day|time|slot|date|class|week|one)|later in the week|days later",
    r"(mov|chang|shift|swap|switch|pick)\w*\W+(?:\w+\W+){0,5}?(appointment|slot|time|lesson|session|visit|class|booking|date)",
    r"verschieb|verleg|umlegen|umbuch|anderen tag|änder\w* .{0,20}termin|termin\w* .{0,30}änder|nur (absagen|löschen)",
    r"déplacer|reporter|décaler|changer (l'heure|de créneau|la date)|seulement annuler",
    r"(cambiar|mover|aplazar|modificar)\W+(?:\w+\W+){0,4}?(cita|hora|turno|fecha)|sol[oa] cancelar",
    r"verzet|verplaats|(afspra\w+)\W+(?:\w+\W+){0,4}?(wijzig|verander)|alleen (annuleren|afzeggen)",
    r"remarcar|(mudar|alterar)\W+(?:\w+\W+){0,4}?(consulta|marcação|horário|hora|aula)|só (cancelar|dá)",
    r"(spostar|cambiare)\W*(?:\w+\W+){0,4}?(appuntament|ora|orario|visita|solo)|solo (annullare|disdire)",
)
_MOVING = re.compile("|".join(_SIGNS), re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """A problem as a person has read it: all its quotes, and those that are about moving appointments."""

    problem: dict[str, Any]
    quotes: list[dict[str, Any]]
    moving: list[dict[str, Any]]

    @property
    def share(self) -> float:
        return len(self.moving) / max(1, len(self.quotes))


def about_moving(words: str) -> bool:
    """Whether these words are about clients moving their own appointment."""
    return _MOVING.search(words) is not None


async def correct(story: Story) -> None:
    """Read the groups; merge those that are the story's problem, and move single quotes out of mixed groups into it."""
    readings = [await _read(story, problem) for problem in (await open_problems(story))[:LOOKED_AT]]
    readings.sort(key=lambda one: (len(one.moving), one.share), reverse=True)
    chosen = next((one for one in readings if one.share >= SAME), None)
    if chosen is None:
        raise StepFailed("no problem is mostly about moving appointments: the engine's groups mix too much")
    story.problem, others = chosen.problem, [one for one in readings if one is not chosen]
    story.screen.say("A person reads the quotes and sees one problem behind several groups:")
    for quote in chosen.moving[:2]:
        story.screen.quote(words_of(quote))
    same = [one for one in others if one.share >= SAME][:MOST_MERGES]
    if not same:
        story.screen.say("no other group is about the same: nothing to merge")
    await _merge(story, same)
    moved = await _move(story, [one for one in others if MIXED <= one.share < SAME])
    await _look_again(story, moved)


async def _merge(story: Story, same: list[Reading]) -> None:
    for one in same:
        await story.whystream.merge_problems(one.problem["id"], story.problem_id, REASON)
        story.merged.append(one.problem["id"])
        reports = one.problem["reports"]
        label = f"merged {reports:>2} report{'s' if reports > 1 else ' '}"
        story.screen.say(safe(one.problem["statement"], 84), label=label)


async def _move(story: Story, mixed: list[Reading]) -> set[str]:
    """Out of groups that are about something else as well, the quotes that belong here; returns their ids."""
    quotes = [quote for one in mixed for quote in one.moving][:MOST_MOVES]
    for quote in quotes:
        await story.whystream.move_feedback(quote["feedback_id"], story.problem_id)
    for quote in quotes[:2]:
        story.screen.say(safe(words_of(quote), 84), label="moved   1 report ")
    if len(quotes) > 2:
        story.screen.say(f"and {len(quotes) - 2} more, out of mixed groups", label="moved")
    return {quote["feedback_id"] for quote in quotes}


async def _read(story: Story, problem: dict[str, Any]) -> Reading:
    quotes = [quote async for quote in story.whystream.evidence(problem["id"])]
    return Reading(problem, quotes, [quote for quote in quotes if about_moving(words_of(quote))])


async def _look_again(story: Story, moved: set[str]) -> None:
    """The survivor has what was moved into it, whatever else the engine sees anew, and a merged problem leads to it."""
    story.problem = await story.whystream.problem(story.problem_id)
    reports, customers = story.problem["reports"], story.problem["customers"]
    missing = moved - {quote["feedback_id"] async for quote in story.whystream.evidence(story.problem_id)}
    verify(not missing, f"{len(missing)} of {len(moved)} reports that were moved into the problem are not there")
    for merged in story.merged:
        leads_to = (await story.whystream.problem(merged)).get("merged_into")
        verify(leads_to == story.problem_id, f"the merged problem {merged} leads to {leads_to}, not to the survivor")
    story.quotes = (await _read(story, story.problem)).moving
    verify(len(story.quotes) >= 3, f"only {len(story.quotes)} quotes tell the problem of this story")
    story.screen.say(f"one problem: {reports} reports of {customers} customers; the corrections stick")
