"""What keeps a report from being made; every message is one line that says what to do next."""


class CalledWrongly(Exception):
    """An option holds something that it cannot mean; `option` names it."""

    def __init__(self, option: str, detail: str) -> None:
        super().__init__(detail)
        self.option = option


class InputUnusable(Exception):
    """The file or the numbers in it cannot be used; nothing was computed."""
