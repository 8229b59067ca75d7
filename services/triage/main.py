"""Triage: the problem behind the words."""

from libs.runtime.service import Service, serve
from services.triage.events import HANDLERS
from services.triage.http import router
from services.triage.jobs import nudge
from services.triage.store.work import TriageWork

SERVICE = Service(name="triage", work=TriageWork, router=router, handlers=HANDLERS, background=(nudge,))

if __name__ == "__main__":
    serve(SERVICE)
