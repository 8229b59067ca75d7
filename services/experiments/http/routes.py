"""All routes of experiments."""

from fastapi import APIRouter

from services.experiments import ingest
from services.experiments.http import experiments, findings, options

router = APIRouter()
for part in (options, experiments, findings, ingest):
    router.include_router(part.router)
