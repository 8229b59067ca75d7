"""When to try again, and how long to wait before it. Pure: the clients do the waiting."""

import random
from dataclasses import dataclass

_LONGEST_ASKED_FOR = 30.0


@dataclass(frozen=True)
class Retries:
    """Growing pauses with jitter between attempts: `first`, doubling up to `ceiling` seconds, `attempts` in all."""

    attempts: int = 6
    first: float = 0.25
    ceiling: float = 8.0

    def worth_another(self, attempt: int, status: int | None) -> bool:
        """Whether to try again after attempt number `attempt` (from 1) got this status; None: no answer at all.

        Always safe: reads change nothing, and a write carries the same Idempotency-Key each time.
        """
        return attempt < self.attempts and (status is None or status == 429 or status >= 500)

    def pause(self, attempt: int, retry_after: str | None = None) -> float:
        """Seconds to wait after attempt number `attempt`; the answer's Retry-After is kept to, within reason."""
        grown = min(self.ceiling, self.first * 2 ** (attempt - 1))
        jittered = grown * random.uniform(0.5, 1.0)
        if retry_after and retry_after.isascii() and retry_after.isdigit():
            return max(jittered, min(float(retry_after), _LONGEST_ASKED_FOR))
        return jittered
