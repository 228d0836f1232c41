"""A child's whole story, with a canary of its own in every text that intake takes."""

import json
from typing import Any

from shared.testing import key
from tests.unit.intake.canary import DAYS, bare, canary, found
from tests.unit.intake.world import CHILDREN, ENCOUNTERS, Row, World, ago, encounter, girl

PLANT = "Sembrada"
"""What is told where the database keeps it open: where this is found, a canary would have been found too."""


class Story:
    """Tells everything that can be told, with a canary of its own in each text."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.planted: set[str] = set()
        self.told = 0

    def word(self, *fields: str) -> str:
        """A word that no other text has."""
        self.planted.update(fields)
        self.told += 1
        return canary(self.told)

    def day(self, field: str, which: int = 0) -> str:
        self.planted.add(field)
        return DAYS[which].isoformat()

    def names(self, shape: str) -> Row:
        parts = ("given_names", "first_surname", "second_surname")
        return {name: self.word(f"{shape}.{name}") for name in parts}

    def child(self, **more: Any) -> Row:
        curp = bare(self.word("Identity.curp"))
        return girl(**self.names("Identity"), birth_date=self.day("Identity.birth_date"), curp=curp, **more)

    def adult(self) -> Row:
        return self.names("AdultIdentity") | {"birth_date": self.day("AdultIdentity.birth_date", 1)}

    async def send(self, path: str, body: Any, kind: str = "INM", status: int | None = None, etag: str = "") -> Row:
        async with self.world.calling(kind) as caller:
            answer = await caller.post(
                f"/v1/intake/{path}", json=body, headers=key() | ({"If-Match": etag} if etag else {})
            )
        assert answer.status_code == status if status else answer.is_success, answer.text
        assert status is None or not found(answer.content), "a refusal never repeats what was refused"
        return dict(answer.json())

    async def tell(self) -> None:
        """The girl is met with her mother, cared for, asked about; others are met; and some things are refused."""
        numbers = [{"system": "NATIONAL", "issuer": "HND", "value": self.word("ExternalIdIn.value")}]
        adult = {"tie": "PARENTAL_AUTHORITY", "identity": self.adult()}
        place = {"state": "MX-CHP", "point": PLANT}
        girl = self.child()
        met = await self.world.met(encounter(child=girl, adult=adult, place=place, external_ids=numbers))
        (match,) = (await self.world.met(encounter(child=girl)))["possible_matches"]  # the same girl, it seems
        await self.send(f"matches/{match['match_id']}/link", {"code": "DOCUMENTS"}, etag='"v1"')
        await self._corrected(met["child_id"])
        await self._cared_for(met["child_id"])
        await self._sheltered(met)
        await self._others()
        await self._refused(met)

    async def _corrected(self, child_id: str) -> None:
        identity = self.names("Identity") | {"birth_date": self.day("Identity.birth_date")}
        assert (await self.world.patch(child_id, {"identity": identity}, '"v2"')).status_code == 200
        asked = {"asked_by": "PROCURADURIA", "proof": "PP_REPRESENTATION", "asked_at": ago(hours=1)}
        patch = {"identity": self.names("Identity") | {"birth_date": self.day("Identity.birth_date")}}
        made = await self.send(f"children/{child_id}/corrections", asked | {"patch": patch}, "PP")
        await self.send(f"corrections/{made['id']}/apply", {"officer": "opi-0417"}, etag='"v1"')
        number = {"system": "ICRC", "value": self.word("ExternalIdIn.value")}
        await self.send(f"children/{child_id}/external-ids", number)
        decided = {"outcome": "ADOLESCENT", "evidence": ["DOCUMENT"], "reference": "PP-1", "child_heard": True,
                   "officer": "pp-0001", "decided_at": ago(hours=1)}  # fmt: skip
        await self.send(f"children/{child_id}/age-decisions", decided, "PP")

    async def _cared_for(self, child_id: str) -> None:
        screened = {"screened_at": ago(minutes=30), "screened_in": "spa", "officer": "opi-0417",
                    "indicators": ["FEAR_OF_RETURN"]}  # fmt: skip
        await self.send(f"children/{child_id}/screenings", screened)
        carer = {"tie": "PARENTAL_AUTHORITY", "relation": "MOTHER", "identity": self.adult()}
        await self.send("families", {"children": [{"child_id": child_id}], "carers": [carer]})
        relative = self.names("Relative") | {"told": f"Vive en {self.word('Relative.told')}"}
        search = {"relation": "AUNT_OR_UNCLE", "country": "HND", "searcher": "RED_CROSS", "relative": relative,
                  "child_heard": True, "asked_at": ago(hours=1), "officer": "opi-0417"}  # fmt: skip
        asked = await self.send(f"children/{child_id}/tracings", search)
        answer = {"officer": "opi-0417", "found": f"Está en {self.word('TracingFound.found')}"}
        await self.send(f"tracings/{asked['id']}/find", answer, etag='"v1"')
        call = {"at": ago(minutes=10), "relation": "MOTHER", "country": "HND", "minutes": 12}
        await self.send(f"children/{child_id}/contacts", call)
        said = f"Dijo {self.word('Answer.said')}. " * 99
        interview = {
            "held_at": ago(minutes=50), "officer": "opi-0417", "opi": True, "explained_at": ago(minutes=55),
            "explained_in": "spa", "language": "spa", "indicators": [],
            "answers": [{"topic": "PROTECTION_NEEDS", "said": said}],
        }  # fmt: skip
        await self.send(f"children/{child_id}/interviews", interview)

    async def _sheltered(self, met: Row) -> None:
        place = {"id": bare(self.word("StayPlace.id")), "name": self.word("StayPlace.name"),
                 "municipality": self.word("StayPlace.municipality")}  # fmt: skip
        stay = {
            "child_id": met["child_id"], "purpose": "CARE", "quarters": "WITH_FAMILY", "officer": "dif-0031",
            "since": ago(minutes=40), "facility": {"kind": "FOSTER_FAMILY", "state": "MX-CHP", "place": place},
        }  # fmt: skip
        await self.send("lodging", stay, "DIF")
        card = {"number": bare(self.word("Card.number")), "curp": bare(self.word("Card.curp"))}
        permit = {"child_id": met["child_id"], "granted_at": ago(minutes=20), "officer": "opi-0417", "card": card}
        await self.send("permits", permit | {"encounter_id": met["id"]})
        given = {"encounter_id": met["id"], "code": "FOOD", "given_at": ago(minutes=5)}
        await self.send("assistance", given)

    async def _others(self) -> None:
        """A child of unknown age; a complaint; files."""
        estimate = {"low": 13, "high": 15, "basis": f"Dice {self.word('EstimatedAge.basis')}"}
        unknown = girl(birth_date=None, estimated_age=estimate, relatives=[])
        await self.world.met(encounter(child=unknown))
        here = {"occurred_at": ago(minutes=9), "place": {"state": "MX-CHP", "point": PLANT}, "officer": "beta-12"}
        await self.send("orientation/actions", here | {"action": "PATROL", "persons": 1, "minors": 1})
        parts = ("given_names", "first_surname", "contact", "account")
        complainant = {name: self.word(f"Complainant.{name}") for name in parts}
        formal = here | {"kind": "FORMAL", "topic": "EXTORTION", "complainant": complainant}
        await self.send("orientation/inquiries", formal)
        line = json.dumps(encounter(child=self.child(), external_id="own-1"))
        broken = json.dumps(encounter(child=self.child(sex=self.word()), external_id="own-2"))
        loaded = await self.world.upload(f"{line}\n{broken}\n{self.word()}\n".encode())
        assert (loaded.json()["recorded"], loaded.json()["refused"]) == (1, 2), loaded.text
        header = "external_id,occurred_at,state,tie,given_names,birth_date,sex,nationalities,languages"
        cells = f"{ago(hours=1)},MX-CHP,NOBODY,{self.word()},{DAYS[0]},F,HND"
        rows = f"{header}\nown-3,{cells},spa\nown-4,{cells},{self.word()}\n"
        loaded = await self.world.upload(rows.encode(), "text/csv")
        assert (loaded.json()["recorded"], loaded.json()["refused"]) == (1, 1), loaded.text

    async def _refused(self, met: Row) -> None:
        """What is refused leaves no trace either: a law, an unknown field, a wrong type, no JSON, an odd address."""
        document = self.word("PermitIn.required_documents")
        permit = {"child_id": met["child_id"], "granted_at": ago(minutes=1), "officer": "opi-0417"}
        await self.send("permits", permit | {"required_documents": [document]}, status=409)
        told = {"officer": "opi-0417", "opi": True, "held_at": ago(minutes=5), "explained_at": ago(minutes=6),
                "explained_in": "spa", "language": "spa"}  # fmt: skip
        answers = [{"topic": "RELIGION", "said": self.word("Answer.said")}]
        await self.send(f"children/{met['child_id']}/interviews", told | {"answers": answers}, status=422)
        for body in (encounter(**{self.word(): 1}), encounter(child=self.child(sex=self.word())), [self.word()]):
            await self.send("encounters", body, status=422)
        stays = "WITH_UNRELATED_ADULTS"
        await self.send("lodging", {"child_id": met["child_id"], "quarters": stays + self.word()}, status=422)
        async with self.world.calling() as caller:
            broken = b'{"child": ' + self.word().encode()
            json_type = {"Content-Type": "application/json"}
            odd = [await caller.post(ENCOUNTERS, content=broken, headers=key() | json_type)]
            odd += [await caller.get(f"{path}{self.word()}") for path in (f"{CHILDREN}/", "/", f"{ENCOUNTERS}?cursor=")]
        assert [answer.status_code for answer in odd] == [400, 404, 404, 400]
        assert not any(found(answer.content) for answer in odd)
