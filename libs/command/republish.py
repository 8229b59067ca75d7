"""`whystream republish`: the streams rebuilt from the outboxes, after one was lost."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import asyncpg
import typer

from contracts.catalog import SERVICES
from deploy.embedded.home import Home
from libs.command.errors import NotRunning, UsageWrong
from libs.command.installation import installation
from libs.messaging import outbox

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def republish(
    since: Annotated[str, typer.Option(help="From when on: 30m, 2h, 5d, or a time such as 2026-11-22T08:00Z.")],
    service: Annotated[list[str] | None, typer.Option("--service", help="Only this one (default: all).")] = None,
) -> None:
    """Publish every event since a time again, from the services' outboxes.

    Needed after a stream was lost or restored from an old copy; safe at any time, as nothing has its effect twice.
    """
    unknown = [name for name in service or [] if name not in SERVICES]
    if unknown:
        raise UsageWrong(f"there is no service {', '.join(unknown)}; known are {', '.join(SERVICES)}")
    moment = moment_of(since, datetime.now(UTC))
    counts = asyncio.run(_republish(Home.from_environment(), service or list(SERVICES), moment))
    for name, count in counts.items():
        print(f"{name:<12} {count} events")
    print(f"{sum(counts.values())} events since {moment.isoformat(timespec='seconds')} are on their way again")


async def _republish(home: Home, services: list[str], since: datetime) -> dict[str, int]:
    found = installation(home)
    counts: dict[str, int] = {}
    for service in services:
        try:
            connection = await asyncpg.connect(found.database_url(service), timeout=10)
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            raise NotRunning(f"the database of {service} does not answer ({error or type(error).__name__})") from None
        try:
            counts[service] = await outbox.republish(connection, since)
        finally:
            await connection.close()
    return counts


def moment_of(text: str, now: datetime) -> datetime:
    """The moment that `2h` (ago) or an ISO 8601 time means; without a zone it is UTC. Raises UsageWrong."""
    ago = re.fullmatch(r"([0-9]{1,6})([smhdw])", text.strip())
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise UsageWrong(f"cannot read the time {text!r}; say 30m, 2h, 5d, or 2026-11-22T08:00Z") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment > now:
        raise UsageWrong(f"{text} lies in the future; give a time that has passed")
    return moment
