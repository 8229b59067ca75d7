"""How the tests of the commands ask: in this process, as a person at a terminal of a certain width would."""

from typer.testing import CliRunner, Result

from services.experiments.command import app


def ask(*arguments: object, given: str | bytes | None = None, columns: int = 100) -> Result:
    """What the command answers; `given` is its standard input."""
    plain = {"COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "dumb"}
    return CliRunner(env=plain).invoke(app, [str(one) for one in arguments], input=given)


def refused(*arguments: object) -> str:
    """Why the command says that it was called wrongly, as one line without the box around it."""
    result = ask(*arguments, columns=1_000)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    return " ".join(result.stderr.replace("│", " ").split())
