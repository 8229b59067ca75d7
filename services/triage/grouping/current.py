"""The method in use. Change it here, and run `services/triage/tests/grouping`."""

from services.triage.grouping.grouper import Grouper
from services.triage.grouping.overlap import WordOverlap

GROUPER: Grouper = WordOverlap()
