"""Alignment: bringing people to one view of why, and telling them."""

from libs.runtime.service import Service, serve
from services.alignment.delivery import delivery_job
from services.alignment.events import HANDLERS
from services.alignment.http import router
from services.alignment.store.work import AlignmentWork

SERVICE = Service(name="alignment", work=AlignmentWork, router=router, handlers=HANDLERS, background=(delivery_job(),))

if __name__ == "__main__":
    serve(SERVICE)
