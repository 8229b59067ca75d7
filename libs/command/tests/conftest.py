"""What the command's tests share: the small HTTP server of the client's tests, as a platform that answers as told."""

from libs.client.tests.conftest import platform, quick

__all__ = ["platform", "quick"]
