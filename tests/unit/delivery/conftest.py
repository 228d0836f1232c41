"""The small service of the kernel's tests, for the tests of the delivery engine."""

from tests.unit.shared.conftest import database_url, receiver, world  # noqa: F401  (fixtures)
