"""What can go wrong, as typed errors; one that the platform answered carries its whole problem document."""

from typing import Any


class WhystreamError(Exception):
    """Anything that this client raises on purpose."""


class Unreachable(WhystreamError):
    """No answer came, after every retry: the platform is not running, or the network is down."""

    def __init__(self, url: str, cause: Exception, attempts: int) -> None:
        self.url, self.attempts = url, attempts
        super().__init__(
            f"{url} does not answer after {attempts} attempts ({cause or type(cause).__name__}); "
            "check the address and that Whystream is running there"
        )


class Refused(WhystreamError):
    """The platform answered with an error. `document` is its RFC 9457 problem, with every field it has."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        self.status, self.document = status, document
        self.type = str(document.get("type", "about:blank"))
        self.title = str(document.get("title", f"HTTP {status}"))
        self.detail = str(document.get("detail", ""))
        errors = "; ".join(f"{error.get('at')}: {error.get('error')}" for error in self.errors)
        super().__init__(f"{self.title} ({status}): {self.detail}" + (f" [{errors}]" if errors else ""))

    @property
    def kind(self) -> str:
        """The last part of the problem's stable type, for example `conflict`."""
        return self.type.rpartition("/")[2]

    @property
    def errors(self) -> list[dict[str, str]]:
        """Which fields broke which rule, when the platform says so: `[{"at", "error"}]`."""
        found = self.document.get("errors")
        return [error for error in found if isinstance(error, dict)] if isinstance(found, list) else []


class Unauthenticated(Refused):
    """401: no key, or one that is unknown or was revoked. Ask an administrator for a new one."""


class Forbidden(Refused):
    """403: the key does not carry the scope that this call needs; `document["needed"]` names it."""


class NotFound(Refused):
    """404: there is no such thing in this key's workspace."""


class Conflict(Refused):
    """409: the request does not fit the present state; `detail` says what has to happen first."""


class Invalid(Refused):
    """400, 413, 415 or 422: the request itself has to change; `errors` lists what."""


class Unavailable(Refused):
    """429 or 5xx, after every retry: try again later."""


class WebhookInvalid(WhystreamError):
    """This delivery was not signed with the subscription's secret, or not now: answer 401 and do nothing else."""


_BY_STATUS: dict[int, type[Refused]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: Unavailable,
}


def refusal(status: int, document: dict[str, Any]) -> Refused:
    """The error class for this status, carrying the document."""
    kind = Unavailable if status >= 500 else _BY_STATUS.get(status, Refused)
    return kind(status, document)
