"""The thread: from the decision back to the customers' own words, and the page that shows it."""

from collections import deque
from typing import Any

from rich.text import Text
from rich.tree import Tree

from libs.client import NotFound
from libs.client.calls import write
from libs.command.demo.story import StepFailed, Story, until, verify, words_of
from libs.command.tail import safe, short

QUOTES = 3
Node = dict[str, Any]


class Thread:
    """The lineage of one decision, for walking along its edges in either direction."""

    def __init__(self, lineage: dict[str, Any]) -> None:
        self.nodes: dict[str, Node] = {f"{node['kind']}/{node['id']}": node for node in lineage["nodes"]}
        self.decision = f"decision/{lineage['decision']['id']}"
        self.edges = [(edge["from"], edge["relation"], edge["to"]) for edge in lineage["edges"]]
        self._beside: dict[str, set[str]] = {}
        for source, _, target in self.edges:
            self._beside.setdefault(source, set()).add(target)
            self._beside.setdefault(target, set()).add(source)

    def path_to(self, about: str) -> list[str]:
        """The shortest way from the decision to this node; empty when there is none."""
        came_from: dict[str, str] = {self.decision: ""}
        waiting = deque([self.decision])
        while waiting and about not in came_from:
            here = waiting.popleft()
            for there in self._beside.get(here, set()) - came_from.keys():
                came_from[there] = here
                waiting.append(there)
        path = [about] if about in came_from else []
        while path and came_from[path[-1]]:
            path.append(came_from[path[-1]])
        return path[::-1]

    def sources(self, target: str, relation: str) -> list[Node]:
        """The nodes that stand in this relation to the target."""
        found = [self.nodes[source] for source, name, to in self.edges if (name, to) == (relation, target)]
        return sorted(found, key=lambda node: str(node["at"]))

    def problem_of(self, about: str) -> str:
        """The problem that this feedback is grouped into now, after all merges; empty when there is none."""
        here, relation = about, "grouped_into"
        for _ in self.nodes:
            there = [target for source, name, target in self.edges if (source, name) == (here, relation)]
            if not there:
                break
            here, relation = there[0], "merged_into"
        return "" if here == about else here

    def grouped(self) -> list[Node]:
        """Every piece of feedback that a problem of this thread stands on."""
        found = {source for source, relation, _ in self.edges if relation == "grouped_into"}
        return [self.nodes[about] for about in found]


async def show(story: Story) -> None:
    """Print the thread, verified edge by edge and word by word, and where to see it whole."""
    lineage = await until(
        lambda: _look(story),
        lambda seen: not _incomplete(story, seen),
        lambda seen: f"the lineage still lacks {', '.join(_incomplete(story, seen))}",
    )
    thread = Thread(lineage)
    quotes = _verified_quotes(story, thread)
    story.screen.show(_tree(story, thread, quotes))
    named = [f"{count} {kind.replace('_', ' ')}" for kind, count in lineage["counts"].items() if kind != "edges"]
    story.screen.say(f"{sum(lineage['counts'].values()) - lineage['counts']['edges']} nodes: {', '.join(named)}")
    await _address(story)


async def _look(story: Story) -> dict[str, Any]:
    """The lineage as far as it is known; empty while the console has not heard of the decision."""
    try:
        return await story.whystream.lineage(story.decision["id"])
    except NotFound:
        return {}


def _incomplete(story: Story, lineage: dict[str, Any]) -> list[str]:
    """What of this story the lineage does not know yet."""
    if not lineage:
        return ["the decision"]
    thread = Thread(lineage)
    problem, experiment = f"problem/{story.problem_id}", f"experiment/{story.experiment['id']}"
    expected = {
        "the decision as made": lineage["decision"]["state"] == "made",
        "the problem": thread.nodes.get(problem, {}).get("state") not in (None, "unknown"),
        "all reports": len(thread.grouped()) >= story.problem["reports"],
        "the merges": all(f"problem/{merged}" in thread.nodes for merged in story.merged),
        "the brief": len(thread.sources(problem, "answers")) >= 4,
        "the conclusion": thread.nodes.get(experiment, {}).get("state") == "concluded",
        "both positions": len(thread.sources(thread.decision, "taken_on")) == 2,
        "who was told": bool(thread.sources(thread.decision, "told")),
    }
    return [what for what, holds in expected.items() if not holds]


def _verified_quotes(story: Story, thread: Thread) -> list[list[str]]:
    """The ways to three quotes, each word for word as the customer sent it."""
    paths = []
    for quote in story.quotes[:QUOTES]:
        about = f"feedback/{quote['feedback_id']}"
        node = thread.nodes.get(about)
        if node is None or not (path := thread.path_to(about)):
            raise StepFailed(f"no thread leads from the decision to {about}")
        verify(node["text"] == words_of(quote), f"the words of {about} in the lineage are not the customer's")
        verify(thread.problem_of(about) == f"problem/{story.problem_id}", f"{about} is not of the story's problem")
        paths.append(path)
    return paths


def _tree(story: Story, thread: Thread, quotes: list[list[str]]) -> Tree:
    decision, problem = thread.nodes[thread.decision], thread.nodes[f"problem/{story.problem_id}"]
    tree = Tree(_label("decision", decision["title"], decision["state"]), guide_style="cyan")
    experiment = thread.nodes[f"experiment/{story.experiment['id']}"]
    branch = tree.add(_label("experiment", experiment["title"], experiment["attributes"].get("conclusion", "")))
    branch.add(Text(safe(experiment["attributes"].get("summary", ""), 500), style="dim"))
    for node in thread.sources(thread.decision, "taken_on"):
        tree.add(_label("position", f"{node['title']}: {node['text']}", node["state"]))
    for node in thread.sources(thread.decision, "told")[:3]:
        what = short(node["attributes"].get("type", ""))
        tree.add(_label("told", f"{node['title']} was told of {what}", node["state"]))
    root = tree.add(_label("problem", problem["title"], f"{story.problem['customers']} customers"))
    for node in thread.sources(f"problem/{story.problem_id}", "answers"):
        root.add(_label(f"brief: {node['title']}", node["text"], node["state"]))
    for path in quotes:
        root.add(_quote(thread.nodes[path[-1]]))
    root.add(Text(f"and {len(thread.grouped()) - len(quotes)} more, all in the lineage", style="dim"))
    return tree


def _label(kind: str, words: str, state: str) -> Text:
    said = Text.assemble((kind, "bold cyan"), (f"  {state}" if state else "", "green"), f"  {safe(words, 400)}")
    return _one_line(said)


def _quote(node: Node) -> Text:
    """A customer's words, and where they came from."""
    attributes = node["attributes"]
    where = " · ".join(str(attributes[name]) for name in ("source", "segment", "plan") if attributes.get(name))
    return _one_line(Text.assemble((where, "dim"), "  “", (safe(node["text"], 400), "italic"), "”"))


def _one_line(said: Text) -> Text:
    said.no_wrap, said.overflow = True, "ellipsis"
    return said


async def _address(story: Story) -> None:
    """The page that shows the same, with a link that signs one browser in, once."""
    page = f"/decisions/{story.decision['id']}"
    link = await story.whystream.send(write("POST", "/v1/sign-in-links", {"next": page}))
    verify(str(link["url"]).startswith(story.url), f"the sign-in link {link['url']} does not lead to {story.url}")
    story.screen.say(f"its page: {story.url}{page}")
    story.screen.say("signed in, once, within ten minutes:")
    story.screen.plain(f"  {link['url']}")
