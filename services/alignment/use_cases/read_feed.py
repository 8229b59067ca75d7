"""Read what happened, from where one left off."""

from collections.abc import Sequence
from uuid import UUID

from libs.runtime.problems import Conflict, NotFound
from services.alignment.domain.feed import DEFAULT_NAMES, FeedEntry
from services.alignment.domain.subscriptions import Wanted, names_matching
from services.alignment.store.work import AlignmentWork


async def read_feed(
    after: int, patterns: Sequence[str], subscription_id: UUID | None, limit: int, work: AlignmentWork
) -> tuple[list[FeedEntry], int, bool]:
    """Up to `limit` entries after a number, the number to go on from, and whether more is there already.

    What is wanted is named by patterns or by a subscription's filter. Raises NotFound, or Conflict for a number that
    was never given out.
    """
    feed = await work.feed()
    head = await feed.head()
    if after > head:
        raise Conflict("this cursor lies ahead of the feed, as after restoring a backup; begin again without a cursor")
    wanted = Wanted(names_matching(patterns) if patterns else DEFAULT_NAMES)
    if subscription_id is not None:
        wanted = await _wanted_by(subscription_id, work)
    entries = await feed.read(after=after, up_to=head, wanted=wanted, limit=limit)
    full = len(entries) == limit
    return entries, entries[-1].number if full else head, full and entries[-1].number < head


async def _wanted_by(subscription_id: UUID, work: AlignmentWork) -> Wanted:
    subscription = await (await work.subscriptions()).find(subscription_id)
    if subscription is None:
        raise NotFound("subscription", subscription_id)
    return subscription.filter.wanted(await (await work.problems()).now_known_as(subscription.filter.problem_ids))
