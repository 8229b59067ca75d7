"""Console: the thread from a customer's words to a decision, for people to read and programs to follow."""

from libs.runtime.service import Service, serve
from services.console.events import HANDLERS
from services.console.http.routes import router
from services.console.store.work import ConsoleWork

SERVICE = Service(name="console", work=ConsoleWork, router=router, handlers=HANDLERS)

if __name__ == "__main__":
    serve(SERVICE)
