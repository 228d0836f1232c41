"""What a newcomer finds in the directory: fictitious shelters with a certificate, room, an address and a duty desk."""

from datetime import UTC, datetime
from typing import Any

from sandbox.partner import Partner
from sandbox.route import Cast

CAS = "cas-chp-ejemplo-01"
_CSO = "cso-chp-ejemplo-01"
_PLACES = [
    {"sex": "F", "age_band": "12-17", "capacity": 20},
    {"sex": "M", "age_band": "12-17", "capacity": 20},
    {"sex": "ANY", "age_band": "6-11", "capacity": 8},
    {"sex": "ANY", "age_band": "0-5", "capacity": 4},
    {"sex": "ANY", "age_band": "FAMILY", "capacity": 2},
]
_DESK = {
    "role": "DUTY_DESK", "telephone": "+525555550100", "zone": "America/Mexico_City",
    "week": [{"days": ["MO", "TU", "WE", "TH", "FR", "SA", "SU"], "opens": "00:00", "closes": "00:00"}],
}  # fmt: skip


async def furnish(cast: Cast) -> None:
    """Enter the shelters. Safe to repeat: what is there already stays as it is."""
    shelter = {
        "kind": "CAS", "state": "MX-CHP", "territory": ["MX-CHP"], "services": ["SHELTER", "INITIAL_ASSESSMENT"],
        "name_es": "CAS Ejemplo (ficticio)", "name_en": "Example shelter (fictitious)", "source": "fictitious",
    }  # fmt: skip
    house = shelter | {"kind": "CSO", "name_es": "Casa Ejemplo (ficticia)", "name_en": "Example house (fictitious)"}
    await cast["dif-chp"].post("/v1/referral/agencies", shelter | {"id": CAS, "parent": "dif-chp"}, "seed:cas")
    await cast["ruta-operations"].post("/v1/referral/agencies", house | {"id": _CSO}, "seed:cso")
    valid_until = f"{datetime.now(UTC).year + 2}-12-31"
    certificate = {"number": "CAS-CHP-0017", "valid_until": valid_until, "places": _PLACES}
    address = {"street": "Calle Ficticia 1", "municipality": "Tapachula", "postal_code": "30700"}
    room = [each | {"occupied": int(str(each["capacity"])) // 2, "held": 1} for each in _PLACES]
    await _once(cast["pp-chp"], CAS, "certification", certificate)
    await _once(cast[CAS], CAS, "capacity", {"as_of": datetime.now(UTC).isoformat(), "places": room})
    await _once(cast[CAS], CAS, "location", address)
    await _once(cast[CAS], CAS, "contacts", {"contacts": [_DESK]})
    await _once(cast["pp-chp"], "pp-chp", "contacts", {"contacts": [_DESK | {"public": True}]})


async def _once(partner: Partner, agency: str, word: str, body: dict[str, Any]) -> None:
    """Put a document where there is none yet."""
    path = f"/v1/referral/agencies/{agency}/{word}"
    if (await partner.get(path))["version"] == 0:
        await partner.put(path, body, '"v0"')
