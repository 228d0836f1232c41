"""Fictitious children, cases and partners for a new sandbox."""

from sandbox.system import System


async def seed(system: System) -> None:
    """Nothing yet: a new sandbox is empty."""
