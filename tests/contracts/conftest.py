"""Hypothesis on a busy machine: slow is no failure here."""

from hypothesis import HealthCheck, settings

settings.register_profile("contracts", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("contracts")
