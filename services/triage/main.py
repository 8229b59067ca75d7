"""Triage: the problem behind the words."""

import os
from pathlib import Path

from libs.runtime.service import Service, serve
from services.triage.embedding.choose import choose_embedder
from services.triage.embedding.embedder import Embedder
from services.triage.events import HANDLERS
from services.triage.http import router
from services.triage.jobs import consolidate, name, nudge, portray
from services.triage.store.memory import Memory
from services.triage.store.work import TriageWork


def embedder() -> Embedder:
    """The one that WHYSTREAM_EMBEDDER names (auto); what it builds is kept in WHYSTREAM_HOME/models."""
    home = Path(os.environ.get("WHYSTREAM_HOME") or ".whystream")
    return choose_embedder(os.environ.get("WHYSTREAM_EMBEDDER") or "auto", cache=home / "models")


SERVICE = Service(
    name="triage",
    work=TriageWork.remembering(Memory(embedder)),
    router=router,
    handlers=HANDLERS,
    background=(nudge, portray, name, consolidate),
    batch=2_000,  # what many reports change of one problem is written once
)

if __name__ == "__main__":
    serve(SERVICE)
