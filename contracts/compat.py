"""Whether two schemas of one event version may stand side by side: the FULL_TRANSITIVE rule, as a pure function.

Events are kept and replayed, and services are updated one by one. So a new reader meets old events, and an old reader
meets new ones: a change must be harmless in both directions, against every released revision. What is left is adding
an optional field, anywhere in the event. A field that is made optional is refused too, because old readers insist on
it; so is a changed default, because writers leave defaults out and old and new readers would each fill in their own.

`additionalProperties: false` is a writer's own strictness (readers ignore unknown fields) and plays no part here.
Whatever this module does not know is refused when it differs: better a needless v2 than an event nobody can read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from contracts.schema import ANNOTATIONS, Schema, as_text, expand, resolve

Rule = Literal[
    "removed",
    "renamed",
    "retyped",
    "newly required",
    "no longer required",
    "enum narrowed",
    "enum widened",
    "limit tightened",
    "limit loosened",
    "pattern changed",
    "format changed",
    "union narrowed",
    "union widened",
    "default changed",
    "keyword changed",
]

WHO_BREAKS: dict[Rule, str] = {
    "removed": "old readers look for it in new events",
    "renamed": "old readers look for the old name, new readers for the new one",
    "retyped": "each side reads the other's values wrongly or not at all",
    "newly required": "new readers refuse the old events that lack it",
    "no longer required": "old readers refuse the new events that lack it",
    "enum narrowed": "new readers refuse the old events that carry the dropped value",
    "enum widened": "old readers refuse the new events that carry the added value",
    "limit tightened": "new readers refuse old events that were within the old limit",
    "limit loosened": "old readers refuse new events that are beyond the old limit",
    "pattern changed": "one side refuses strings that the other side writes",
    "format changed": "one side refuses strings that the other side writes",
    "union narrowed": "new readers refuse the old events that carry the dropped kind",
    "union widened": "old readers refuse the new events that carry the added kind",
    "default changed": "writers leave defaults out, so old and new readers would read the same event differently",
    "keyword changed": "nothing proves that both sides still accept each other's events",
}

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LEAST_SIZES = ("minLength", "minItems", "minProperties")
_STRINGS: tuple[tuple[str, Rule], ...] = (("pattern", "pattern changed"), ("format", "format changed"))
_UNIONS = ("anyOf", "oneOf")
_COMPARED = {*_LOWER, *_UPPER, "type", "enum", "const", "pattern", "format", "default", "properties", "required"}
_COMPARED |= {"items", "prefixItems", "additionalProperties"}
_ABSENT: Any = object()
_Pairs = frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Incompatibility:
    """One reason to refuse a change: where (`customer.revenue`, `arms[].weight`), by which rule, and what changed."""

    path: str
    rule: Rule
    detail: str

    def __str__(self) -> str:
        return f"{self.path or '(the event)'}: {self.rule}: {self.detail}; {WHO_BREAKS[self.rule]}"


def incompatibilities(old: Schema, new: Schema) -> list[Incompatibility]:
    """Every reason why `new` may not replace `old` within one version; empty when each reads the other's events.

    Both are JSON Schemas (2020-12) as pydantic writes them. Raises ReferenceUnresolved.
    """
    return list(_Comparison(old, new).compare(old, new, ""))


def same_shape(old: Schema, new: Schema) -> bool:
    """Whether the two promise the same, wording (titles, descriptions, examples) aside."""
    return as_text(expand(old, old)) == as_text(expand(new, new))


@dataclass(frozen=True)
class _Comparison:
    """Walks two documents in step; each keeps its own root, for its references."""

    old_root: Schema
    new_root: Schema

    def compare(self, old: Schema, new: Schema, path: str, above: _Pairs = frozenset()) -> Iterator[Incompatibility]:
        pair = (id(old), id(new))
        if pair in above:
            return  # a recursive type: this pair is being compared further up
        above |= {pair}
        old, new = resolve(old, self.old_root), resolve(new, self.new_root)
        if not _same(old.get("default", _ABSENT), new.get("default", _ABSENT)):
            yield Incompatibility(path, "default changed", _change(old, new, "default"))
        if ("oneOf" in old) != ("oneOf" in new):
            yield Incompatibility(path, "keyword changed", _change(old, new, "oneOf"))
        was, now = self._kinds(old, self.old_root), self._kinds(new, self.new_root)
        if len(was) == len(now) == 1:
            yield from self._compare_one(was[0], now[0], path, above)
        else:
            yield from self._compare_unions(was, now, path, above)

    def _kinds(self, schema: Schema, root: Schema) -> list[Schema]:
        """The alternatives that a value may be; one, unless it is a union or nullable."""
        for union in _UNIONS:
            if union in schema:
                base = {key: value for key, value in schema.items() if key not in {*ANNOTATIONS, union, "default"}}
                branches = [resolve(branch, root) for branch in schema[union]]
                kinds = [kind for branch in branches for kind in self._kinds(branch, root)]
                return [{**kind, "allOf": [base, *kind.get("allOf", [])]} for kind in kinds] if base else kinds
        if isinstance(schema.get("type"), list):
            return [{**schema, "type": kind} for kind in schema["type"]]
        return [schema]

    def _compare_unions(
        self, old: list[Schema], new: list[Schema], path: str, above: _Pairs
    ) -> Iterator[Incompatibility]:
        """Pair each alternative with the one most like it; report those left over on either side."""
        gone, come = list(old), list(new)
        for alike in (self._identical, partial(self._compatible, above=above), _same_label, _same_type):
            for kind in list(gone):
                partner = next((other for other in come if alike(kind, other)), None)
                if partner is None:
                    continue
                gone.remove(kind)
                come.remove(partner)
                yield from self._compare_one(kind, partner, path, above)
        for kind in gone:
            yield Incompatibility(path, "union narrowed", f"{_label(kind)} was dropped")
        for kind in come:
            yield Incompatibility(path, "union widened", f"{_label(kind)} was added")

    def _identical(self, old: Schema, new: Schema) -> bool:
        return as_text(expand(old, self.old_root)) == as_text(expand(new, self.new_root))

    def _compatible(self, old: Schema, new: Schema, above: _Pairs) -> bool:
        return next(self._compare_one(old, new, "", above), None) is None

    def _compare_one(self, old: Schema, new: Schema, path: str, above: _Pairs) -> Iterator[Incompatibility]:
        if old.get("type") != new.get("type"):
            yield Incompatibility(path, "retyped", f"was {_label(old)}, is {_label(new)}")
            return
        yield from _compare_values(old, new, path)
        yield from _compare_limits(old, new, path)
        for keyword, rule in _STRINGS:
            if old.get(keyword) != new.get(keyword):
                yield Incompatibility(path, rule, _change(old, new, keyword))
        yield from self._compare_fields(old, new, path, above)
        yield from self._compare_parts(old, new, path, above)
        for keyword in sorted((old.keys() | new.keys()) - ANNOTATIONS - _COMPARED):
            was, now = expand(old.get(keyword), self.old_root), expand(new.get(keyword), self.new_root)
            if not _same(was, now):
                yield Incompatibility(path, "keyword changed", _change(old, new, keyword))

    def _compare_fields(self, old: Schema, new: Schema, path: str, above: _Pairs) -> Iterator[Incompatibility]:
        was, now = old.get("properties", {}), new.get("properties", {})
        needed, needs = set(old.get("required", ())), set(new.get("required", ()))
        renamed = self._renamed(was, now)
        for name in sorted(was.keys() | now.keys() | needed | needs):
            at = f"{path}.{name}" if path else name
            if name in renamed:
                yield Incompatibility(at, "renamed", f"it looks renamed to '{renamed[name]}'")
            elif name in was and name not in now:
                yield Incompatibility(at, "removed", "the field is gone")
            elif name in needs - needed and name not in renamed.values():
                reason = "it was optional" if name in was else "an added field must be optional"
                yield Incompatibility(at, "newly required", reason)
            elif name in needed - needs:
                yield Incompatibility(at, "no longer required", "it was promised in every event")
            elif name in was and name in now:
                yield from self.compare(was[name], now[name], at, above)

    def _renamed(self, was: Mapping[str, Schema], now: Mapping[str, Schema]) -> dict[str, str]:
        """Fields that went while exactly one of the same shape came: most likely one field with a new name."""
        come = {name: _shape(now[name], self.new_root) for name in now.keys() - was.keys()}
        found: dict[str, str] = {}
        for name in sorted(was.keys() - now.keys()):
            shape = _shape(was[name], self.old_root)
            alike = [other for other, other_shape in come.items() if other_shape == shape]
            if len(alike) == 1 and alike[0] not in found.values():
                found[name] = alike[0]
        return found

    def _compare_parts(self, old: Schema, new: Schema, path: str, above: _Pairs) -> Iterator[Incompatibility]:
        """What arrays and maps hold."""
        for keyword, mark in (("items", "[]"), ("additionalProperties", "{}")):
            was, now = _part(old, keyword), _part(new, keyword)
            if was is not None and now is not None:
                yield from self.compare(was, now, path + mark, above)
            elif was is not None or now is not None:
                yield Incompatibility(path, "retyped", _change(old, new, keyword))
        was_each, now_each = old.get("prefixItems", []), new.get("prefixItems", [])
        if len(was_each) != len(now_each):
            yield Incompatibility(path, "retyped", f"a tuple of {len(was_each)} became one of {len(now_each)}")
            return
        for index, (before, after) in enumerate(zip(was_each, now_each, strict=True)):
            yield from self.compare(before, after, f"{path}[{index}]", above)


def _compare_values(old: Schema, new: Schema, path: str) -> Iterator[Incompatibility]:
    was, now = _values(old), _values(new)
    if was is None and now is None:
        return
    if was is None or now is None:
        rule: Rule = "enum narrowed" if was is None else "enum widened"
        yield Incompatibility(path, rule, f"was {_label(old)}, is {_label(new)}")
        return
    if dropped := [value for value in was if value not in now]:
        yield Incompatibility(path, "enum narrowed", f"{', '.join(dropped)} was dropped")
    if added := [value for value in now if value not in was]:
        yield Incompatibility(path, "enum widened", f"{', '.join(added)} was added")


def _compare_limits(old: Schema, new: Schema, path: str) -> Iterator[Incompatibility]:
    for keywords, direction in ((_LOWER, 1), (_UPPER, -1)):
        for keyword in keywords:
            was, now = _limit(old, keyword), _limit(new, keyword)
            if was == now:
                continue
            tighter = was is None or (now is not None and (now - was) * direction > 0)
            yield Incompatibility(path, "limit tightened" if tighter else "limit loosened", _change(old, new, keyword))


def _limit(schema: Schema, keyword: str) -> float | None:
    """The limit; a least size of 0 limits nothing."""
    value = schema.get(keyword)
    return None if value == 0 and keyword in _LEAST_SIZES else value


def _values(schema: Schema) -> list[str] | None:
    """The values of an enum or constant, as JSON text: 1, true and "1" are three values."""
    if "const" in schema:
        return [as_text(schema["const"])]
    return [as_text(value) for value in schema["enum"]] if "enum" in schema else None


def _part(schema: Schema, keyword: str) -> Schema | None:
    """What `items` or `additionalProperties` demand; None when they demand nothing or are a writer's strictness."""
    part = schema.get(keyword)
    return part if isinstance(part, Mapping) and part else None


def _shape(schema: Schema, root: Schema) -> str:
    """What a field holds, whatever its name and default."""
    return as_text({key: value for key, value in expand(schema, root).items() if key != "default"})


def _same(one: Any, other: Any) -> bool:
    """Equality as JSON sees it: 1 and true differ."""
    if one is _ABSENT or other is _ABSENT:
        return one is other
    return as_text(one) == as_text(other)


def _same_label(one: Schema, other: Schema) -> bool:
    return _label(one) == _label(other)


def _same_type(one: Schema, other: Schema) -> bool:
    return one.get("type") == other.get("type")


def _label(schema: Schema) -> str:
    """What a reader of the message calls this kind of value."""
    values = _values(schema)
    if values is not None:
        return f"one of {', '.join(values)}"
    kind = schema.get("type", "any value")
    return f"{kind} {schema['title']}" if kind == "object" and "title" in schema else str(kind)


def _change(old: Schema, new: Schema, keyword: str) -> str:
    was, now = (as_text(side[keyword]) if keyword in side else "absent" for side in (old, new))
    return f"{keyword} was {was}, is {now}"
