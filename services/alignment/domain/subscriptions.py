"""Who wants to be told about what, and where a webhook may point. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from ipaddress import IPv6Address, ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from contracts.catalog import consumed_by
from libs.runtime.fields import Short, Storable
from services.alignment.domain.decisions import Input
from services.alignment.domain.subject import Subject

Channel = Literal["webhook", "feed"]

# Where clouds answer questions about their machines, besides the link-local addresses: AWS over IPv6.
_METADATA = frozenset({ip_address("fd00:ec2::254")})


class AddressRefused(ValueError):
    """A webhook may not be sent there; the message says why."""


def name_of(event_type: str) -> str:
    """The event's name as subscribers write it: `decision.made` for `whystream.decision.made.v1`."""
    return event_type.removeprefix("whystream.").rpartition(".")[0]


NAMES: tuple[str, ...] = tuple(dict.fromkeys(name_of(entry.type) for entry in consumed_by("alignment")))


def names_matching(patterns: Iterable[str]) -> frozenset[str]:
    """The events that patterns such as `decision.made`, `decision.*` or `*` stand for; any other text matches none."""
    # Checked first, because a long text full of brackets would cost the matcher quadratic time.
    known = [pattern for pattern in patterns if _PATTERN.fullmatch(pattern)]
    return frozenset(name for name in NAMES for pattern in known if fnmatchcase(name, pattern))


def _known(pattern: str) -> str:
    if not names_matching([pattern]):
        raise ValueError(f"names no event that is told; known are {', '.join(NAMES)}, decision.*, problem.* … and *")
    return pattern


def checked_url(url: str) -> str:
    """The webhook's address if it may be used; raises AddressRefused. What its host means is looked up when sending."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # reading the port raises ValueError for one that is no port
        (host or "").encode("idna")  # and so does this for a name that no host can have
    except ValueError as error:
        raise AddressRefused(f"is not an address: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise AddressRefused("must begin with http:// or https:// and name a host")
    if "@" in parts.netloc:
        raise AddressRefused("must not hold credentials; the signature proves who sends")
    if parts.fragment or not url.isprintable() or " " in url:
        raise AddressRefused("must have neither a fragment nor spaces nor control characters")
    check_address(host)
    return url


def check_address(host: str) -> None:
    """Raise AddressRefused for an IP address that is link-local or a cloud's metadata; names are not looked up.

    Loopback and private addresses are allowed: whoever hosts this hosts the receivers too.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or address
    if address.is_link_local or address in _METADATA:
        raise AddressRefused(f"{host} is a link-local or metadata address, which is never told anything")


_PATTERN = re.compile(r"[a-z_.*]{1,100}")
Url = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000), Storable, AfterValidator(checked_url)]
Pattern = Annotated[str, StringConstraints(pattern=f"^{_PATTERN.pattern}$"), AfterValidator(_known)]


class Filter(Input):
    """What to be told about: these events, and of them, if any ids are given, those about one of these things."""

    types: tuple[Pattern, ...] = Field(min_length=1, max_length=50)
    problem_ids: tuple[UUID, ...] = Field(default=(), max_length=200)
    decision_ids: tuple[UUID, ...] = Field(default=(), max_length=200)

    def wanted(self, now_known_as: Mapping[UUID, frozenset[UUID]]) -> "Wanted":
        """What it lets through now. Who follows a problem follows what it was merged into."""
        followed = (now_known_as.get(problem_id, frozenset((problem_id,))) for problem_id in self.problem_ids)
        return Wanted(names_matching(self.types), frozenset().union(*followed), frozenset(self.decision_ids))


@dataclass(frozen=True)
class Wanted:
    """These events and, if either kind of id is given, only those about one of these things."""

    names: frozenset[str]
    problem_ids: frozenset[UUID] = frozenset()
    decision_ids: frozenset[UUID] = frozenset()

    def lets_through(self, name: str, subject: Subject) -> bool:
        if name not in self.names:
            return False
        if not (self.problem_ids or self.decision_ids):
            return True
        return subject.decision_id in self.decision_ids or not self.problem_ids.isdisjoint(subject.problem_ids)


class NewSubscription(Input):
    """Who wants to be told (`name`), how, and about what."""

    name: Short
    channel: Channel
    url: Url | None = None
    filter: Filter

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if (self.channel == "webhook") != (self.url is not None):
            raise ValueError("a webhook needs a url, and a feed has none")
        return self


@dataclass(frozen=True)
class Subscription:
    """A subscription as it is kept. `secret` signs its webhooks and is shown once, when it is made."""

    id: UUID
    name: str
    channel: Channel
    url: str | None
    filter: Filter
    secret: str
    created_at: datetime
    disabled_at: datetime | None = None
    disabled_reason: str | None = None
