"""Experiments: options, assumptions, and what testing them says."""

from libs.runtime.service import Service, serve
from services.experiments.events import HANDLERS
from services.experiments.http.routes import router
from services.experiments.jobs import refresh_readouts
from services.experiments.store.work import ExperimentsWork

SERVICE = Service(
    name="experiments", work=ExperimentsWork, router=router, handlers=HANDLERS, background=(refresh_readouts,)
)

if __name__ == "__main__":
    serve(SERVICE)
