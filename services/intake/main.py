"""Intake: the vault of the customers' words."""

from libs.runtime.service import Service, serve
from services.intake.events import DECODERS, HANDLERS
from services.intake.http import router
from services.intake.store import IntakeWork

SERVICE = Service(name="intake", work=IntakeWork, router=router, handlers=HANDLERS, decoders=DECODERS)

if __name__ == "__main__":
    serve(SERVICE)
