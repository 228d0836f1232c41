"""What the proxy must know. It has no database, no key and no secret."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class EgressSettings(BaseSettings):
    """Settings of the process `python -m shared.egress`."""

    model_config = SettingsConfigDict(env_prefix="RUTA_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=3128, ge=1, le=65535)
    egress_ports: str = Field(
        default="443,8443", pattern=r"^[0-9]{1,5}(,[0-9]{1,5})*$", description="ports that webhooks may go to"
    )
    egress_tunnels: int = Field(default=1024, ge=1, le=65536, description="connections of workers at once")

    @property
    def ports(self) -> frozenset[int]:
        """The ports, as numbers."""
        return frozenset(int(each) for each in self.egress_ports.split(","))
