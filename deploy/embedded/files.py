"""Small files that are either as they were or wholly new, and readable by their owner alone."""

import json
import os
from pathlib import Path
from typing import Any

from deploy.embedded.errors import UnreadableFile


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step, mode 0600; a crash leaves the old or the new content, never a part."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)


def write_json(path: Path, value: Any) -> None:
    """`write_private` for a JSON value."""
    write_private(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path, default: Any) -> Any:
    """The JSON value in the file, or `default` when there is no file. Raises UnreadableFile for anything else."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default
    except (OSError, ValueError) as reason:
        raise UnreadableFile(f"{path} cannot be read ({reason}); restore it or move it away and start again") from None
