"""The shapes of an export, named and formed as HSDS 3.0 has them."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.shapes import Out

_ID = "its id: the same in every export"
_UUID = ["0f5b2a7c-3d51-5c1e-9a64-2f4f6c1f7a10"]


class _Identified(Out):
    id: str = Field(description=_ID, examples=_UUID, json_schema_extra={"format": "uuid"})


class HsdsTaxonomy(_Identified):
    """A taxonomy of services."""

    name: str = Field(description="its name", examples=["Open Eligibility"])
    description: str = Field(description="what it is", examples=["A taxonomy of human services"])


class HsdsTerm(_Identified):
    """A term of a taxonomy."""

    code: str = Field(description="the service's code in Ruta", examples=["SHELTER"])
    name: str = Field(description="the term", examples=["Temporary Shelter"])
    description: str = Field(description="what Ruta calls it", examples=["Shelter and care"])
    taxonomy: str = Field(description="the taxonomy's name", examples=["Open Eligibility"])
    taxonomy_detail: HsdsTaxonomy = Field(description="the taxonomy")


class HsdsAttribute(_Identified):
    """Links a service to a term."""

    link_type: str = Field(description="how it is linked", examples=["service_type"])
    taxonomy_term: HsdsTerm = Field(description="the term")


class HsdsArea(_Identified):
    """Where a service is given."""

    name: str = Field(description="the area's code", examples=["MX-CHP"])
    extent: str = Field(description="the same: ISO 3166-2, or ISO 3166-1 alpha-3", examples=["MX-CHP"])
    extent_type: str = Field(description="state or country", examples=["state"])


class HsdsPhone(_Identified):
    """A telephone that may be public."""

    number: str = Field(description="E.164", examples=["+529615550100"])
    type: str = Field(description="voice", examples=["voice"])
    description: str = Field(description="what it is for", examples=["Guardia"])


class HsdsSchedule(_Identified):
    """Hours of some days of the week."""

    freq: Literal["WEEKLY"] = Field(description="they come back every week", examples=["WEEKLY"])
    wkst: Literal["MO"] = Field(description="weeks begin on Mondays", examples=["MO"])
    byday: str = Field(description="on which days", examples=["MO,TU"])
    opens_at: str = Field(description="from when on, local time", examples=["08:00"])
    closes_at: str = Field(description="until when; no later than `opens_at`: on the next day", examples=["20:00"])
    timezone: float = Field(description="hours from UTC to local time, as of now", examples=[-6])
    description: str = Field(description="what for", examples=["Guardia"])


class HsdsAddress(_Identified):
    """An address that may be public."""

    address_1: str = Field(description="street and number", examples=["Avenida Ejemplo 1 (ficticia)"])
    city: str = Field(description="municipality", examples=["Tapachula"])
    state_province: str = Field(description="ISO 3166-2", examples=["MX-CHP"])
    postal_code: str = Field(description="postal code", examples=["30700"])
    country: str = Field(description="ISO 3166-1 alpha-2", examples=["MX"])
    address_type: Literal["physical"] = Field(description="where it stands", examples=["physical"])


class HsdsLocation(_Identified):
    """Where a body that may be public is."""

    location_type: Literal["physical"] = Field(description="a place", examples=["physical"])
    name: str = Field(description="the body's name", examples=["Procuraduría de Protección"])
    addresses: list[HsdsAddress] = Field(description="its address")


class HsdsUnit(_Identified):
    """What is counted."""

    name: str = Field(description="for whom a place is", examples=["Place: F 12-17"])


class HsdsCapacity(_Identified):
    """Free places of one kind: `service_capacity` of the draft of HSDS 3.1."""

    unit: HsdsUnit = Field(description="what is counted")
    available: int = Field(description="how many are free", examples=[2])
    maximum: int = Field(description="how many there are", examples=[20])
    description: str = Field(description="for whom", examples=["F 12-17"])
    updated: datetime = Field(description="as of when")


class HsdsService(_Identified):
    """A service that a body gives."""

    organization_id: str = Field(description="the body", examples=_UUID, json_schema_extra={"format": "uuid"})
    name: str = Field(description="what it is called", examples=["Alojamiento y cuidado"])
    alternate_name: str = Field(description="what it is called in English", examples=["Shelter and care"])
    status: Literal["active"] = Field(description="that it is given", examples=["active"])
    phones: list[HsdsPhone] = Field(description="public telephones")
    schedules: list[HsdsSchedule] = Field(description="when somebody answers there")
    service_areas: list[HsdsArea] = Field(description="where it is given")
    attributes: list[HsdsAttribute] = Field(description="its terms")
    capacities: list[HsdsCapacity] = Field(
        description="free places, for readers who place children, where the figure is not too old"
    )


class HsdsIdentifier(_Identified):
    """What a body is called elsewhere."""

    identifier_type: str = Field(description="in which list", examples=["ruta"])
    identifier: str = Field(description="its id there", examples=["pp-chp"])


class HsdsOrganization(_Identified):
    """A body of the route."""

    name: str = Field(description="its name in Spanish", examples=["Procuraduría de Protección"])
    alternate_name: str = Field(description="its name in English", examples=["Office for the Protection of Children"])
    description: str = Field(description="what it is", examples=["Procuraduría de Protección"])
    organization_identifiers: list[HsdsIdentifier] = Field(description="its id in Ruta")
    locations: list[HsdsLocation] = Field(description="where it is, if that is public; never a shelter's")
    services: list[HsdsService] = Field(description="what it can be asked for", examples=[[]])


class HsdsOut(Out):
    """The directory as organizations of HSDS."""

    version: str = Field(description="of HSDS", examples=["3.0"])
    organizations: list[HsdsOrganization] = Field(description="every body in force")
