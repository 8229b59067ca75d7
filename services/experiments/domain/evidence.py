"""What a person knows about an assumption besides experiments: the weakest evidence, and better than none. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.runtime.fields import Short, Words

Says = Literal["supports", "refutes", "unclear"]


class NewEvidence(BaseModel):
    """What is known, which way it points, and where it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    says: Says
    note: Words
    source: Short | None = None


@dataclass(frozen=True)
class Evidence:
    """Evidence as a person stated it."""

    id: UUID
    assumption_id: UUID
    says: Says
    note: str
    source: str | None
    stated_by: str
    stated_at: datetime
