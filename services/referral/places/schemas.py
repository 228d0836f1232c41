"""What bodies send and readers see of shelters."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from services.referral.places.rules import AgeBand, Nearness, Need, PlaceSex, SuspensionReason, Unit, band_of
from shared.shapes import Day, In, Line, Out, Past

Count = Annotated[int, Field(ge=0, le=10_000)]
_CHILD = r"[FMX]([0-9]|1[0-7])"
Children = Annotated[
    str,
    StringConstraints(pattern=rf"^{_CHILD}(,{_CHILD}){{0,11}}$"),
    Field(examples=["F14,M6"], description="sex and age of each child: F14 is a girl of 14"),
]


def needs_of(children: str) -> list[Need]:
    """Return what children such as `F14,M6` need. One whose papers say X fits a place of either sex."""
    return [
        Need(PlaceSex.ANY if each[0] == "X" else PlaceSex(each[0]), band_of(int(each[1:])))
        for each in children.split(",")
    ]


class PlacesIn(In):
    """Places of one kind: for whom, how many."""

    sex: PlaceSex = Field(description="for whom", examples=["F"])
    age_band: AgeBand = Field(description="for which age, or for families", examples=["12-17"])
    capacity: Count = Field(description="how many there are", examples=[20])

    def unit(self) -> Unit:
        """Return it as the rules know places."""
        return Unit(**self.model_dump())


class RoomIn(PlacesIn):
    """Places of one kind, and how many of them are not free."""

    occupied: Count = Field(description="how many are taken", examples=[17])
    held: Count = Field(default=0, description="how many are kept for children on their way")


def _once(places: list[PlacesIn] | list[RoomIn]) -> None:
    if len({each.unit().key for each in places}) != len(places):
        raise ValueError("a kind of place is repeated")


class CertificationIn(In):
    """The certificate of a centre."""

    number: Line = Field(description="its number", examples=["CAS-CHP-0017"])
    valid_until: Day = Field(description="its last day", examples=["2027-12-31"])
    places: list[PlacesIn] = Field(min_length=1, max_length=12, description="how many children of which kind it covers")
    suspended: SuspensionReason | None = Field(
        default=None, description="why it does not count now; null while it does", examples=[None]
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _once(self.places)
        return self


class PlacesOut(Out):
    """Places of one kind."""

    sex: PlaceSex = Field(description="for whom", examples=["F"])
    age_band: AgeBand = Field(description="for which age, or for families", examples=["12-17"])
    capacity: int = Field(description="how many there are", examples=[20])


class CertificationOut(Out):
    """The certificate of a centre, as the register of centres has it."""

    body_id: str = Field(description="the centre", examples=["cas-chp-ejemplo-01"])
    number: str | None = Field(description="its number; null where there is no certificate", examples=["CAS-CHP-0017"])
    authority: str | None = Field(description="the Procuraduría that certified", examples=["pp-chp"])
    valid_until: date | None = Field(description="its last day", examples=["2027-12-31"])
    places: list[PlacesOut] = Field(description="how many children of which kind it covers")
    suspended: SuspensionReason | None = Field(description="why it does not count now", examples=[None])
    suspended_at: datetime | None = Field(description="since when", examples=[None])
    counts: bool = Field(description="whether the centre may take children in today (R11)")
    version: int


class CapacityIn(In):
    """What room a centre has at a moment."""

    as_of: Past = Field(description="when it was so")
    places: list[RoomIn] = Field(min_length=1, max_length=12, description="the places, by kind")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _once(self.places)
        return self


class RoomOut(PlacesOut):
    """Places of one kind, and how many are free."""

    occupied: int = Field(description="how many are taken", examples=[17])
    held: int = Field(description="how many are kept for children on their way", examples=[1])
    free: int | None = Field(
        description="how many are free, never more than are certified; null while nobody can say", examples=[2]
    )


class CapacityOut(Out):
    """What room a centre has, as far as it has said."""

    body_id: str = Field(description="the centre", examples=["cas-chp-ejemplo-01"])
    as_of: datetime | None = Field(description="when it was so; null where it never said")
    stale: bool = Field(description="whether that is too old to go by: then nothing counts as free", examples=[False])
    certified: bool = Field(description="whether the centre may take children in today (R11)")
    places: list[RoomOut] = Field(description="the places, by kind")
    version: int


class FreePlace(Out):
    """A centre that has room for all the children together, or may have."""

    body_id: str = Field(description="the centre", examples=["cas-chp-ejemplo-01"])
    name_es: str = Field(description="its name in Spanish", examples=["CAS Ejemplo (ficticio)"])
    state: str | None = Field(description="the state where it stands", examples=["MX-CHP"])
    nearness: Nearness = Field(description="that state, a neighbouring one, or another", examples=["same"])
    as_of: datetime = Field(description="when the centre said so")
    age_minutes: int = Field(description="how old the figure is", examples=[35])
    stale: bool = Field(description="whether that is too old to go by: ask the centre", examples=[False])
    family_place: bool = Field(description="whether it is a place for a family", examples=[False])
    free: int | None = Field(description="how many places of the scarcest kind needed are free; null if stale")


class FreePlaces(Out):
    """Where children can sleep together: nearest first, fresh figures before old ones."""

    items: list[FreePlace]
    more: bool = Field(description="whether there are others, further away", examples=[False])


class Address(In):
    """Where a body is."""

    street: Line = Field(description="street and number", examples=["Avenida Ejemplo 1 (ficticia)"])
    municipality: Line = Field(description="municipality", examples=["Tapachula"])
    postal_code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Z -]{3,10}$")] = Field(
        description="postal code", examples=["30700"]
    )


class LocationIn(Address):
    """Where a body is, and whether anybody may know."""

    public: bool = Field(default=False, description="whether exports may show it; a shelter's never is")


class LocationOut(Out):
    """Where a body is, as its reader may know it."""

    agency_id: str = Field(description="the body", examples=["pp-chp"])
    address: Address | None = Field(description="null where nobody has said, or where R31 withholds it from you")
    public: bool = Field(description="whether exports show it")
    withheld: str | None = Field(description="the rule that withholds the address", examples=[None])
    version: int
