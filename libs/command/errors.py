"""What keeps a command from doing its work; every message is one line that says what to do next."""

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


class CommandError(Exception):
    """A command cannot go on; the message says why and what to do."""


class NotInstalled(CommandError):
    """Nothing was ever started in this home."""

    def __init__(self, home: object) -> None:
        super().__init__(f"there is no installation in {home}; start one with `whystream up`, or set WHYSTREAM_HOME")


class NotRunning(CommandError):
    """The platform of this home does not answer."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}; start it with `whystream up` in another terminal")


class KeyMissing(CommandError):
    """No access key was given and this home has none yet."""

    def __init__(self) -> None:
        super().__init__("no access key: give --key or WHYSTREAM_KEY, or run where `whystream up` has made one")


class UsageWrong(CommandError):
    """The command was called with something that it cannot use."""
