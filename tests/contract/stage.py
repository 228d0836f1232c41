"""A real system with one child's story in it, from which every curl of the description gets what it needs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import col, select, update

from gateway.clients import service
from gateway.clients.models import Suspension
from gateway.clients.rules import Reason, Subject
from gateway.clients.schemas import ClientIn
from sandbox.partner import Refused, until
from sandbox.route import Cast, Story
from sandbox.secrets import SECRET
from sandbox.shelters import CAS, furnish
from sandbox.system import System
from services.consular.consulates.models import Consulate as Consulate  # a notice names one: its table must be known
from services.consular.letters.models import Letter
from services.consular.letters.rules import LetterKind, LetterStatus
from services.consular.notices.models import Notice
from services.consular.notices.rules import NoticeStatus
from services.referral.cas_reports.models import CasReport
from services.referral.cas_reports.rules import ReportStatus
from services.referral.cases.models import Case
from services.referral.cases.rules import SIDE, Gate, Status
from services.referral.determinations.models import Determination
from services.referral.places.models import PlaceCount
from services.referral.plans.models import Plan
from services.referral.protection.models import Crossing
from services.referral.returns.models import AssistedReturn
from shared import ids
from shared.clocks.models import Clock
from shared.db import Database
from shared.delivery.models import Alarm, Delivery, Endpoint
from shared.delivery.rules import AlarmKind, DeliveryState, EndpointState
from shared.jwt import Signer
from shared.settings import Settings
from shared.shapes import State
from shared.testing import private_pem
from tests.unit.referral.refuge_world import plan_that_allows

CHILD = {
    "given_names": "Ficticia", "first_surname": "Prueba", "birth_date": "2012-03-05", "sex": "F",
    "nationalities": ["HND"], "languages": ["spa"],
}  # fmt: skip
OFFICE = {"id": "pp-chp", "name": "Procuraduría"}
Values = dict[str, str]


_WHEN = "2026-11-20T15:04:05Z"
_SAID: dict[str, dict[str, Any]] = {
    "interview": {
        "held_at": _WHEN, "specialised": True, "representative_present": True, "language": "spa", "understood": True,
        "view": "Dice que quiere seguir.",
    },
    "ask-opinion": {"topics": ["PUBLIC_ORDER"], "reference": "SRE-1"},
    "receive-opinion": {"opinion": "GIVEN", "reference": "SRE-2"},
    "resolve": {"reference": "COMAR-9"},
    "notify": {"notified_at": _WHEN, "language": "spa", "understood": True, "representative_present": True},
    "appeal": {"remedy": "REVIEW", "reference": "RR-1"},
}  # fmt: skip
TO_NOTICE = ("admit", "interview", "ask-opinion", "receive-opinion", "resolve", "notify")
_RETURN_SAID: dict[str, dict[str, Any]] = {
    "assess": {
        "finding": "NO_DANGER", "plan_allows": True, "plan_reference": "PRD-1", "heard_at": _WHEN,
        "explained_in": "spa", "wish": "WISHES", "view": "Quiere ir con su abuela.",
    },
    "authorise": {"reference": "INM-1"},
    "plan": {
        "escort": {"name": "Ficticia", "officer": "opi-0417", "specialised": True},
        "acceptance": {"authority": "Autoridad Ejemplo", "accepted_at": _WHEN, "reference": "AC-1"},
    },
}  # fmt: skip


@dataclass
class Stage:
    """What there is, by the names of the curls' variables. Some operations need something of their own: `prepared`."""

    system: System
    cast: Cast
    values: Values = field(default_factory=dict)
    place: tuple[str, str] = ("", "")
    """The service and the client of the operation that is prepared."""
    count: int = 0
    former: dict[tuple[str, str], str] = field(default_factory=dict)
    signer: Signer = field(default_factory=lambda: Signer(private_pem(), "stage-keyed"))
    story: Story = field(init=False)
    boy: Story = field(init=False)

    async def set(self) -> None:
        """Let a girl be met and channelled, and a boy be met."""
        now = datetime.now(UTC)
        girl, boy = (Story(f"stage-{name}", self.cast, CHILD, met_at=now) for name in ("girl", "boy"))
        await self._enrol()
        await self.cast["con-hnd-tapachula"].post("/v1/consular/endpoints", {"channel": "pull"})
        await furnish(self.cast)
        await asyncio.gather(girl.meet(), boy.meet())
        await girl.notify()
        await girl.accept()
        acta = await girl.channel()
        self.values |= {
            "child_id": girl.encounter["child_id"], "encounter_id": girl.encounter["id"],
            "case_id": girl.case["id"], "acta_id": acta["id"], "cas_id": CAS, "agency_id": "pp-chp",
        }  # fmt: skip
        boys = await boy.referral(self.cast["pp-chp"], "PP_NOTICE")
        self.values["boys_case"] = boys["case_id"]
        self.story, self.boy = girl, boy
        await until(self._facts_are_known)

    async def _enrol(self) -> None:
        """Register who is not in the sandbox's cast: administrators, and a client that proves itself by a key."""
        settings = Settings.model_validate(
            {name[5:].lower(): value for name, value in self.system.environment("gateway").items() if "RUTA_" in name}
        )
        operator: dict[str, Any] = {"agency": "ruta-operations", "agency_kind": "OPERATOR", "role": "operator"}
        admins = [
            ClientIn(id=f"stage-admin-{n}", scopes=["gateway:admin"], person=f"staff-{n}", keys=[], **operator)
            for n in (1, 2)
        ]
        pp: dict[str, Any] = {"agency": "pp-chp", "agency_kind": "PP", "role": "officer", "state": State.CHP}
        notices = ClientIn(id="stage-notices", scopes=["consular:read", "consular:write"], keys=[], **pp)
        supervisor = ClientIn(
            id="stage-supervisor", scopes=["referral:read", "referral:write"], keys=[], **pp | {"role": "supervisor"}
        )
        keyed = ClientIn(id="stage-keyed", scopes=["referral:read"], keys=[self.signer.public_jwk()], **pp)
        database = Database(settings.database_url, pool_size=1)
        async with database.work() as session:
            for each in (*admins, notices, supervisor):
                await service.register(session, settings, each, secret=SECRET)
            await service.register(session, settings, keyed)
        await database.close()

    def assertion(self) -> str:
        """Return a proof of the client that has a key. It counts once."""
        claims = {"sub": "stage-keyed", "aud": self.system.url("gateway"), "jti": ids.opaque("jti")}
        return self.signer.sign(claims, typ="client-authentication+jwt", life=timedelta(seconds=60))

    async def _facts_are_known(self) -> bool | None:
        """Propose as soon as the guard has the facts, and take it back: the curl proposes anew."""
        try:
            await self.story.propose()
        except Refused as refused:
            if refused.problem["code"] != "refused_by_law":
                raise
            return None
        await self.story.step("inm", "withdraw")
        return True

    # -- what single operations need -----------------------------------------------------------------

    async def met(self, **more: Any) -> dict[str, Any]:
        """Let INM meet a child, who seems to be the girl of the story."""
        now = datetime.now(UTC).isoformat()
        body = {"occurred_at": now, "place": {"state": "MX-CHP"}, "adult": {"tie": "NOBODY"}, "child": CHILD} | more
        encounter: dict[str, Any] = await self.cast["inm-chp"].post("/v1/intake/encounters", body)
        return encounter

    async def match(self, *steps: str) -> str:
        """Return a possible match that has gone through these steps."""
        match_id = str((await self.met())["possible_matches"][0]["match_id"])
        path = f"/v1/intake/matches/{match_id}"
        for step in steps:
            headers = {"If-Match": await self.etag("pp-chp", path), "Idempotency-Key": ids.opaque("idk")}
            await self.cast["pp-chp"]._call("POST", f"{path}/{step}", headers, json={"code": "DOCUMENTS"})
        return match_id

    async def load(self) -> str:
        """Return an upload, in which one line is refused."""
        headers = {"Idempotency-Key": ids.opaque("idk"), "Content-Type": "application/x-ndjson"}
        answer = await self.cast["inm-chp"]._call("POST", "/v1/intake/encounters/bulk", headers, content=b"{}")
        return str(answer["id"])

    async def correction(self) -> str:
        """Return a request for a correction on which INM has not decided."""
        asked = {"asked_by": "PROCURADURIA", "proof": "PP_REPRESENTATION", "asked_at": datetime.now(UTC).isoformat()}
        path = f"/v1/intake/children/{self.values['child_id']}/corrections"
        return str((await self.cast["pp-chp"].post(path, asked | {"patch": {"residence": "HND"}}))["id"])

    async def child(self) -> str:
        """Return a child who was just met and has no family yet."""
        return str((await self.met())["child_id"])

    async def family(self, *, parted: bool = False) -> Values:
        """Return a family of a child and its mother, and the mother, from whom the Procuraduría may have parted it."""
        carer = {"tie": "PARENTAL_AUTHORITY", "relation": "MOTHER"}
        body = {"children": [{"child_id": await self.child()}], "carers": [carer]}
        made = await self.cast["inm-chp"].post("/v1/intake/families", body)
        values = {"family_id": str(made["id"]), "member_id": str(made["members"][1]["id"])}
        if parted:
            decision = {"officer": "pp-1", "reference": "PP-1", "decided_at": datetime.now(UTC).isoformat()}
            parting = {"members": [{"member_id": values["member_id"]}], "reason": "NEGLECT",
                       "decision": decision | {"child_heard": True}}  # fmt: skip
            path = f"/v1/intake/families/{made['id']}"
            headers = {"If-Match": await self.etag("pp-chp", path), "Idempotency-Key": ids.opaque("idk")}
            done = await self.cast["pp-chp"]._call("POST", f"{path}/separate", headers, json=parting)
            values["separation_id"] = str(done["separations"][0]["id"])
        return values

    async def tracing(self, *steps: str) -> str:
        """Return a search for an aunt of the girl that has gone through these steps."""
        inm, officer = self.cast["inm-chp"], {"officer": "opi-0417"}
        body = {
            "relation": "AUNT_OR_UNCLE", "country": "HND", "searcher": "IOM", "relative": {}, "child_heard": True,
            "asked_at": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        made = await inm.post(f"/v1/intake/children/{self.values['child_id']}/tracings", body | officer)
        path = f"/v1/intake/tracings/{made['id']}"
        for step in steps:
            headers = {"If-Match": await self.etag("inm-chp", path), "Idempotency-Key": ids.opaque("idk")}
            await inm._call("POST", f"{path}/{step}", headers, json=officer)
        return str(made["id"])

    async def interview(self) -> str:
        """Return an interview of the girl."""
        now = datetime.now(UTC).isoformat()
        body = {
            "held_at": now, "explained_at": now, "explained_in": "spa", "language": "spa", "officer": "opi-0417",
            "opi": True, "answers": [{"topic": "IDENTITY", "said": "Ficticia"}],
        }  # fmt: skip
        path = f"/v1/intake/children/{self.values['child_id']}/interviews"
        return str((await self.cast["inm-chp"].post(path, body))["id"])

    async def stay(self) -> str:
        """Return where a child sleeps."""
        facility = {"kind": "CAS_PUBLIC", "state": "MX-CHP", "place": {"id": "cas-tapachula-01"}}
        body = {
            "child_id": await self.child(), "facility": facility, "purpose": "CARE", "quarters": "WITH_CHILDREN",
            "since": "2026-11-20T15:04:05Z", "officer": "opi-0417",
        }  # fmt: skip
        return str((await self.cast["inm-chp"].post("/v1/intake/lodging", body))["id"])

    async def with_aunt(self) -> dict[str, Any]:
        """Let INM meet a child with her aunt, who cares for her."""
        return await self.met(adult={"tie": "CUSTOMARY_CARE", "relation": "AUNT_OR_UNCLE"})

    async def permit(self, *steps: str, carer: bool = False) -> str:
        """Return a permit, of a child alone or of one with her carer, that has gone through these steps."""
        met = await (self.with_aunt() if carer else self.met())
        body = {"child_id": met["child_id"], "granted_at": "2026-11-20T15:04:05Z", "officer": "opi-0417"}
        covering = body | ({"encounter_id": met["id"]} if carer else {})
        permit_id = str((await self.cast["inm-chp"].post("/v1/intake/permits", covering))["id"])
        path = f"/v1/intake/permits/{permit_id}"
        found = {"reference": "PP-CHP/0417/2026", "decided_at": "2026-11-21T10:00:00Z", "officer": "pp-0001"}
        for step in steps:
            headers = {"If-Match": await self.etag("pp-chp", path), "Idempotency-Key": ids.opaque("idk")}
            await self.cast["pp-chp"]._call("POST", f"{path}/{step}", headers, json=found)
        return permit_id

    async def complaint(self) -> str:
        """Return a formal complaint that nobody has answered."""
        body = {
            "kind": "FORMAL", "topic": "EXTORTION", "occurred_at": "2026-11-20T15:04:05Z", "officer": "paisano-3",
            "place": {"state": "MX-CHP"}, "complainant": {"given_names": "Ficticia"},
        }  # fmt: skip
        return str((await self.cast["inm-chp"].post("/v1/intake/orientation/inquiries", body))["id"])

    async def referral(self, *steps: str, sender: str = "pp-chp") -> str:
        """Return a request of the Procuraduría to UNICEF that has gone through these steps."""
        body = {
            "case_id": self.values["case_id"], "recipient": "unicef", "service": "PSYCHOSOCIAL",
            "reason": "NEED_ASSESSED", "urgency": "1d", "lawful_basis": "BEST_INTERESTS",
        }  # fmt: skip
        made = await self.cast[sender].post("/v1/referral/referrals", body)
        for step in steps:
            await self.cast["unicef"].post(f"/v1/referral/referrals/{made['id']}/{step}", {})
        return str(made["id"])

    async def understood_late(self) -> str:
        """Return a message of UNICEF's Primero that waits, though the mapping has learned its word meanwhile."""
        self.count += 1
        word = f"taken_{self.count}"
        body = {
            "id": f"p-{self.count}", "type": "Referral", "service_record_id": await self.referral(), "status": word,
            "created_at": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        with suppress(Refused):
            await self.cast["unicef"].post("/v1/referral/interop/primero/referrals", {"data": body})
        row = {"system": "primero", "list": "state", "ours": "accepted", "theirs": word, "way": "in", "source": "Stage"}
        await self.cast["ruta-operations"].post("/v1/referral/interop/mappings", row)
        return str((await self.cast["unicef"].items("/v1/referral/interop/quarantine"))[0]["id"])

    async def clock(self) -> str:
        """Return a clock that INM owes: of intake, as referral has learned of it."""
        owed = await self.cast["inm-chp"].items("/v1/referral/clocks")
        return next(str(each["id"]) for each in owed if each["runs_in"] == "intake")

    async def closed_days(self) -> str:
        """Return days that COMAR has suspended."""
        days = {"first": "2026-12-21", "last": "2027-01-01", "source": "DOF 14-12-2026"}
        return str((await self.cast["comar"].post("/v1/referral/calendar-suspensions", days))["id"])

    async def _asked(self, **more: Any) -> str:
        body = {
            "case_id": self.values["case_id"], "recipient": "unicef", "service": "PSYCHOSOCIAL",
            "reason": "NEED_ASSESSED", "urgency": "1d", "lawful_basis": "BEST_INTERESTS",
        }  # fmt: skip
        made = await self.cast["pp-chp"].post("/v1/referral/referrals", body | more)
        await self.cast["unicef"].post(f"/v1/referral/referrals/{made['id']}/decline", {"reason": "NO_CAPACITY"})
        return str(made["id"])

    async def refused(self) -> str:
        """Return a request whose refusal waits for its second party."""
        return await self._asked(risk="HIGH")

    async def finding(self) -> str:
        """Return the Procuraduría's task to find somebody, since nobody else may be asked without consent."""
        case_id = self.values["boys_case"]  # the girl is at high risk
        body = {
            "case_id": case_id, "purpose": "PSYCHOSOCIAL", "fields": ["child.languages"], "reason": "BEST_INTERESTS",
            "officer": "pp-0009",
        }  # fmt: skip
        for recipient in ("unicef", "dif-tam"):  # who is asked, and to whom it is handed on
            await self.cast["stage-supervisor"].post("/v1/referral/overrides", body | {"recipient": recipient})
        asked = await self._asked(lawful_basis="CONSENT", case_id=case_id, fields=["child.languages"])
        found = await self.cast["pp-chp"].items("/v1/referral/referrals", kind="PP_FIND", limit=100)
        return str(next(each["id"] for each in found if each["follows"] == asked))

    async def consent(self) -> str:
        """Return a consent by which UNICEF may read which languages the girl speaks."""
        body = {
            "case_id": self.values["case_id"], "given_by": "PP_EN_SUPLENCIA", "purposes": ["PSYCHOSOCIAL"],
            "agencies": ["unicef"], "fields": ["child.languages"], "assent": "GIVEN", "language": "spa",
            "explained_at": "2026-11-20T10:00:00Z", "form": "WRITTEN", "evidence_digest": "0f" * 32,
            "evidence_reference": "PP/2026/0417", "officer": "pp-0001",
            "expires_at": (datetime.now(UTC) + timedelta(days=90)).isoformat(),
        }  # fmt: skip
        return str((await self.cast["pp-chp"].post("/v1/referral/consents", body))["id"])

    async def shared(self, basis: str = "BEST_INTERESTS") -> str:
        """Return a referral by which UNICEF may read which languages the girl speaks."""
        body = {
            "case_id": self.values["case_id"], "recipient": "unicef", "service": "PSYCHOSOCIAL",
            "reason": "NEED_ASSESSED", "urgency": "1d", "lawful_basis": basis, "fields": ["child.languages"],
        }  # fmt: skip
        made = await self.cast["pp-chp"].post("/v1/referral/referrals", body)
        await self.cast["unicef"].post(f"/v1/referral/referrals/{made['id']}/accept", {})
        return str(made["id"])

    async def withdrawal(self) -> str:
        """Return a notice to UNICEF of a consent that ended after it had read."""
        await self.consent()
        referral_id = await self.shared("CONSENT")
        read = await self.cast["unicef"].get(f"/v1/referral/referrals/{referral_id}/disclosure")
        body = {"withdrawn_by": "PP_EN_SUPLENCIA", "officer": "pp-0001"}
        path = "/v1/referral/consents"
        for each in await self.cast["pp-chp"].items(path, case_id=read["case_id"], limit=100):
            if each["state"] == "ACTIVE":  # another curl's, under which it may have read as well
                await self.cast["pp-chp"].post(f"{path}/{each['id']}/withdraw", body)
        known = await self.cast["unicef"].items("/v1/referral/withdrawals", state="OPEN")
        return str(known[0]["id"])

    async def override(self) -> str:
        """Return an override that waits for its review."""
        body = {
            "case_id": self.values["case_id"], "recipient": "unicef", "purpose": "HEALTH", "fields": ["alerts.health"],
            "reason": "URGENT_HEALTH", "officer": "pp-0009",
        }  # fmt: skip
        return str((await self.cast["stage-supervisor"].post("/v1/referral/overrides", body))["id"])

    async def withholding(self) -> str:
        """Return a withholding, in a case that no other curl needs."""
        body = {"case_id": await self.case(), "agency": "unicef", "reason": "FEAR_OF_HARM", "officer": "pp-0001"}
        return str((await self.cast["pp-chp"].post("/v1/referral/withholdings", body))["id"])

    async def referral_load(self) -> str:
        """Return an upload of referrals, in which one line is refused."""
        headers = {"Idempotency-Key": ids.opaque("idk"), "Content-Type": "application/x-ndjson"}
        answer = await self.cast["pp-chp"]._call("POST", "/v1/referral/referrals/bulk", headers, content=b"{}")
        return str(answer["id"])

    async def call_off(self) -> None:
        """Take back what is on its way."""
        for each in await self.cast["dif-chp"].items("/v1/referral/transfers"):
            if "withdraw" in each["allowed_actions"]:
                body = {"officer": "dif-1", "reason": "IN_ERROR"}
                await self.cast["dif-chp"].post(f"/v1/referral/transfers/{each['id']}/withdraw", body)

    async def transfer(self, *steps: str) -> str:
        """Return a transfer of the girl to another state's DIF that has gone through these steps."""
        await self.call_off()
        body = {
            "case_id": self.values["case_id"], "kind": "CUSTODY", "recipient": "dif-tam", "reason": "FAMILY_UNITY",
            "lawful_basis": "BEST_INTERESTS", "fields": ["status"], "officer": "dif-0031",
        }  # fmt: skip
        made = await self.cast["dif-chp"].post("/v1/referral/transfers", body)
        left = {"departed_at": "2026-11-20T10:00:00Z", "expected_at": "2036-11-20T16:00:00Z"}
        for step in steps:
            who, more = ("dif-tam", {}) if step == "accept" else ("dif-chp", left)
            await self.cast[who].post(f"/v1/referral/transfers/{made['id']}/{step}", {"officer": "dif-0031"} | more)
        return str(made["id"])

    async def release(self, *steps: tuple[str, str]) -> str:
        """Return a release that has gone through these steps; what was live before is taken back."""
        for each in await self.cast["inm-chp"].items("/v1/referral/releases"):
            if "withdraw" in each["allowed_actions"]:
                await self.cast["inm-chp"].post(f"/v1/referral/releases/{each['id']}/withdraw", {"officer": "opi-1"})
        self.story.name += "."  # else its keys would repeat the proposal before
        await self.story.propose()
        for kind, action in steps:
            await self.story.step(kind, action)
        return str(self.story.release["id"])

    async def endpoint(self, service: str, owner: str, *, state: EndpointState = EndpointState.ACTIVE) -> str:
        """Return an endpoint of an owner with nobody behind it, in a state. The one before goes: they are limited."""
        if former := self.former.pop((service, owner), ""):
            await self.cast[owner]._try("DELETE", f"/v1/{service}/endpoints/{former}", {}, {})
        made = await self.cast[owner].post(f"/v1/{service}/endpoints", {"url": "http://127.0.0.1:9/hook"})
        change: dict[str, Any] = {"state": state, "proof_due_at": None}
        if state is not EndpointState.PENDING:
            change["proof_challenge"] = None
        await self.write(service, update(Endpoint).where(col(Endpoint.id) == made["id"]).values(**change))
        self.former[service, owner] = str(made["id"])
        return str(made["id"])

    async def delivery(self, service: str, owner: str, state: DeliveryState) -> str:
        """Return a delivery that was tried once, to an endpoint that is active."""
        endpoint = await self.endpoint(service, owner, state=EndpointState.PAUSED)
        made = await self.cast[owner].post(f"/v1/{service}/endpoints/{endpoint}/test")
        now = datetime.now(UTC)
        done = {"delivered_at": now} if state is DeliveryState.DELIVERED else {"due_at": now + timedelta(days=1)}
        tried = {"state": state, "attempts": 1, "first_sent_at": now, "sequence": 1, "token": None} | done
        await self.write(service, update(Delivery).where(col(Delivery.id) == made["delivery_id"]).values(**tried))
        active = update(Endpoint).where(col(Endpoint.id) == endpoint).values(state=EndpointState.ACTIVE)
        await self.write(service, active)
        return str(made["delivery_id"])

    async def alarm(self, service: str, owner: str) -> str:
        """Return an open alarm about an endpoint of an owner."""
        endpoint = await self.endpoint(service, owner)
        alarm = Alarm(
            id=ids.new("alm"), endpoint_id=endpoint, kind=AlarmKind.MISCONFIGURED, raised_at=datetime.now(UTC)
        )
        await self.write(service, alarm)
        return alarm.id

    async def notice(self, status: NoticeStatus) -> str:
        """Return a notice to the consulate of Honduras, which has received it where there was a way."""
        if status is NoticeStatus.UNDELIVERABLE:
            notice = Notice(
                id=ids.opaque("ntc"), release_id=ids.opaque("rel"), nationality="HND", state="MX-CHP", pp=OFFICE,
                dif=OFFICE, status=status, issued_at=datetime.now(UTC),
            )  # fmt: skip
            await self.write("consular", notice)
            return notice.id
        if "released" not in [each["state"] for each in await self.cast["inm-chp"].items("/v1/referral/releases")]:
            await self.release(("pp", "concur"), ("inm", "release"))
        consulate = self.cast["con-hnd-tapachula"]
        found = await until(lambda: self._received(consulate))
        return str(found)

    async def letter(self) -> str:
        """Return a letter about the girl, whose notice is released: printed, and not yet handed over."""
        notice_id = await self.notice(NoticeStatus.ISSUED)
        releases = await self.cast["inm-chp"].items("/v1/referral/releases")
        letter = _letter(notice_id, next(str(each["id"]) for each in releases if each["state"] == "released"))
        await self.write("consular", letter)
        return letter.id

    async def sent_by_letter(self) -> str:
        """Return a notice that a letter told."""
        notice = Notice(
            id=ids.opaque("ntc"), release_id=ids.opaque("rel"), nationality="HND", state="MX-CHP", pp=OFFICE,
            dif=OFFICE, status=NoticeStatus.ISSUED, consulate_id="con-hnd-tapachula", issued_at=datetime.now(UTC),
        )  # fmt: skip
        await self.write("consular", notice)
        letter = _letter(notice.id, notice.release_id)
        letter.status, letter.sent_at = LetterStatus.SENT, datetime.now(UTC)
        await self.write("consular", letter)
        return notice.id

    async def post(self) -> str:
        """Return a consulate."""
        return "con-hnd-tapachula"

    async def _received(self, consulate: Any) -> str | None:
        feed = await consulate.feed("/v1/consular/events", endpoint_id=await self.pulled())
        return next((each["data"]["notice_id"] for each in feed if each["type"] == "notice.issued"), None)

    async def pulled(self) -> str:
        """Return the endpoint from which the consulate reads."""
        found = await self.cast["con-hnd-tapachula"].items("/v1/consular/endpoints")
        return next(str(each["id"]) for each in found if each["channel"] == "pull")

    async def suspension(self) -> str:
        """Return a suspension of a client that no other step needs."""
        row = Suspension(
            id=ids.new("sus"), kind=Subject.CLIENT, subject="observatory", reason=Reason.INCIDENT,
            since=datetime.now(UTC), by="stage-admin-2", lifted_at=None,
        )  # fmt: skip
        former = update(Suspension).where(col(Suspension.subject) == row.subject, col(Suspension.lifted_at).is_(None))
        await self.write("gateway", former.values(lifted_at=datetime.now(UTC), lifted_by="stage-admin-2"))
        await self.write("gateway", row)
        return row.id

    async def change(self) -> str:
        """Return a change that another administrator has proposed."""
        admin, path = self.cast["stage-admin-2"], "/v1/gateway/clients/con-gtm-tapachula"
        etag = await self.etag("stage-admin-2", path)
        self.count += 1
        body = {"role": "officer_" + "abc"[self.count % 3], "reason": "correction"}
        answer = await admin._try("PATCH", path, {"If-Match": etag}, {"json": body})
        assert answer is not None
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def etag(self, who: str, path: str) -> str:
        """Return the ETag of what somebody reads."""
        answer = await self.cast[who]._try("GET", path, {}, {})
        assert answer is not None
        return str(answer.headers["etag"])

    async def report(self, status: ReportStatus) -> str:
        """Return the half-yearly report of Chiapas, which the worker has opened, in a status."""

        async def opened() -> str | None:
            found = await self.cast["pp-chp"].items("/v1/referral/cas-reports")
            return str(found[0]["id"]) if found else None

        report_id = await until(opened)
        there = update(CasReport).where(col(CasReport.id) == report_id)
        await self.write("referral", there.values(status=status, centres=[], visits=[]))
        return report_id

    async def centre(self) -> str:
        """Return a centre that has said long ago what room it has."""
        long_ago = update(PlaceCount).where(col(PlaceCount.body_id) == CAS)
        await self.write("referral", long_ago.values(as_of=datetime(2026, 1, 1, tzinfo=UTC)))
        return CAS

    async def boys_case(self) -> str:
        """Return the case of the boy, who was only met."""
        return self.values["boys_case"]

    async def met_case(self) -> str:
        """Return the case of a child who was just met, as soon as it is open."""
        story = Story(f"stage-{ids.opaque('one')}", self.cast, CHILD, met_at=datetime.now(UTC))
        await story.meet()
        return str((await story.referral(self.cast["pp-chp"], "PP_NOTICE"))["case_id"])

    async def claim(self, *steps: str, outcome: str = "REFUSED", filed_by: str = "CHILD") -> str:
        """Return a claim that has gone through these steps; with steps it was filed before those of the examples."""
        body = {
            "case_id": await self.met_case(), "filed_by": filed_by, "form": "VERBAL", "officer": "pp-0001",
        } | ({"filed_at": "2026-11-20T12:00:00Z"} if steps else {})  # fmt: skip
        claim_id = str((await self.cast["pp-chp"].post("/v1/referral/refuge-claims", body))["id"])
        for step in steps:
            who = "pp-chp" if step in ("appeal", "finalise") else "comar"
            said = _SAID.get(step, {}) | {"officer": "comar-0007"}
            if step == "resolve":
                said["outcome"] = outcome
            await self.cast[who].post(f"/v1/referral/refuge-claims/{claim_id}/{step}", said)
            if step == "resolve":  # long before the examples say that it was notified
                there = update(Clock).where(col(Clock.rule) == "D11", col(Clock.resource_id) == claim_id)
                await self.write("referral", there.values(started_at=datetime(2026, 11, 20, 13, tzinfo=UTC)))
        window = update(Clock).where(col(Clock.rule) == "D12", col(Clock.resource_id) == claim_id)
        await self.write("referral", window.values(due_at=datetime.now(UTC) + timedelta(days=9)))
        if "appeal" in steps:  # long before the examples say that it was decided
            await self.write("referral", window.values(met_at=datetime(2026, 11, 20, 14, tzinfo=UTC)))
        return claim_id

    async def window_over(self) -> str:
        """Return a claim against whose refusal nobody appealed in time."""
        claim_id = await self.claim(*TO_NOTICE)
        window = update(Clock).where(col(Clock.rule) == "D12", col(Clock.resource_id) == claim_id)
        await self.write("referral", window.values(due_at=datetime(2026, 11, 20, 16, tzinfo=UTC)))
        return claim_id

    async def recognised(self) -> str:
        """Return a claim that was granted, in a case that can take the outcome."""
        claim_id = await self.claim(*TO_NOTICE, outcome="RECOGNISED")
        claim = await self.cast["comar"].get(f"/v1/referral/refuge-claims/{claim_id}")
        there = update(Case).where(col(Case.id) == claim["case_id"])
        await self.write("referral", there.values(status=Status.RESTITUTION))
        return claim_id

    async def held(self) -> str:
        """Return a hold."""
        await self.claim()
        return str((await self.cast["inm-chp"].items("/v1/referral/procedure-holds"))[0]["id"])

    async def point(self) -> str:
        """Return a return point that receives at every hour."""
        body = {
            "country": "HND", "name": "Punto Ejemplo (ficticio)", "route": "LAND", "instrument": "NOTE",
            "zone": "America/Guatemala", "notice_hours": 1, "valid_from": "2026-01-01", "source": "(ficticio)",
            "week": [{"days": ["MO", "TU", "WE", "TH", "FR", "SA", "SU"], "opens": "00:00", "closes": "00:00"}],
        }  # fmt: skip
        return str((await self.cast["ruta-operations"].post("/v1/referral/return-points", body))["id"])

    async def planned_case(self) -> str:
        """Return the case of a Honduran child whose plan is carried out, as soon as the guard has the facts."""
        case_id = await self.met_case()
        gates = ["CHILD_HEARD", "PRD_SIGNED"]
        there = update(Case).where(col(Case.id) == case_id)
        await self.write("referral", there.values(status=Status.RESTITUTION, gates=gates))
        for row in plan_that_allows(case_id):
            await self.write("referral", row)
        return case_id

    async def returning(self, *steps: str) -> Values:
        """Return a return that has gone through these steps, and the point where it ends."""
        point_id, pp = await self.point(), self.cast["pp-chp"]
        body = {"case_id": await self.planned_case(), "kind": "ASSISTED_RETURN", "destination": "HND"}
        made = await pp.post("/v1/referral/returns", body | {"officer": "pp-0001"})
        path = f"/v1/referral/returns/{made['id']}"

        async def known() -> bool | None:
            return "FACTS_UNKNOWN" not in (await pp.get(path))["obstacles"] or None

        await until(known)
        planned = datetime.now(UTC) + timedelta(days=2)
        for step in steps:
            who = pp if step in ("assess", "concur") else self.cast["inm-chp"]
            said = _RETURN_SAID.get(step, {}) | {"officer": "opi-0417"}
            if step == "plan":
                said |= {"return_point_id": point_id, "planned_at": planned.isoformat()}
            await who.post(f"{path}/{step}", said)
        long_ago = update(AssistedReturn).where(col(AssistedReturn.id) == made["id"])
        if "depart" in steps:
            await self.write("referral", long_ago.values(departed_at=datetime(2026, 11, 20, 12, tzinfo=UTC)))
        return {"return_id": str(made["id"]), "return_point_id": point_id}

    async def barred(self) -> str:
        """Return the case of the boy, whose guard somebody's word has closed."""
        await self.indication()
        return self.values["boys_case"]

    async def indication(self) -> str:
        """Return somebody's word that the boy fears going back."""
        body = {"case_id": self.values["boys_case"], "code": "FEAR_OF_RETURN", "told_by": "CHILD"}
        return str((await self.cast["pp-chp"].post("/v1/referral/indications", body))["id"])

    async def lift(self, *, live: bool = False) -> str:
        """Return a lift of the boy's guard that is proposed, or holds."""
        decided = {"evidence": "PP/2026/0417", "reasons": "El riesgo cesó", "officer": "pp-0001"}
        body = {"ground": "JOINT", "purpose": "CONSULAR_NOTICE", "recipients": ["HND"], "case_id": await self.barred()}
        made = await self.cast["pp-chp"].post("/v1/referral/lifts", body | decided)
        if live:
            path = f"/v1/referral/lifts/{made['id']}/concur"
            await self.cast["comar"].post(path, decided | {"officer": "comar-7"})
        return str(made["id"])

    async def review(self) -> str:
        """Return a review of the boy's bar that is due."""
        await self.barred()
        found = await self.cast["pp-chp"].items("/v1/referral/reviews", limit=100)
        return str(next(each["id"] for each in found if each["state"] == "due"))

    async def crossing(self) -> str:
        """Return what Honduras's child-protection body was sent of the girl, and has not answered."""
        abroad = self.cast["child-protection-hnd"]
        if "crossing_id" not in self.values:
            await abroad.post("/v1/referral/endpoints", {"channel": "pull"})
            moment = datetime.now(UTC).isoformat()
            body = {
                "case_id": self.values["case_id"], "nationality": "HND", "officer": "opi-0417", "screened_at": moment,
                "told_at": moment, "told_in": "spa", "objects": False, "recipient": "child-protection-hnd",
                "service": "FAMILY_TRACING",
            }  # fmt: skip
            made = await self.cast["inm-chp"].post("/v1/referral/releases", body)
            for who, step in (("pp-chp", "concur"), ("inm-chp", "release")):
                await self.cast[who].post(f"/v1/referral/releases/{made['id']}/{step}", {"officer": "o-17"})
            (event,) = await abroad.feed("/v1/referral/events")
            self.values["crossing_id"] = str(event["data"]["crossing_id"])
        await self.write("referral", update(Crossing).values(answer=None, answered_at=None))
        return self.values["crossing_id"]

    async def write(self, service: str, what: Any) -> None:
        """Put a row into the database of a service, or change some: what would take hours to come about."""
        database = Database(self.system.database_url(service), pool_size=1)
        async with database.work() as session:
            if isinstance(what, Alarm | Determination | Letter | Notice | Plan | Suspension):
                session.add(what)
            else:
                await session.exec(what)
        await database.close()

    async def read(self, service: str, what: Any) -> Any:
        """Return the first value of the first row that a service's database holds."""
        database = Database(self.system.database_url(service), pool_size=1)
        async with database.work(write=False) as session:
            found = (await session.exec(what)).first()
        await database.close()
        return found

    async def case(self, status: Status = Status.CHANNELLED, *, closing: bool = False) -> str:
        """Return a case of a child of its own in a state, with whatever its steps ask for proven."""
        self.count += 1
        story = Story(f"stage-case-{self.count}", self.cast, CHILD, met_at=datetime.now(UTC))
        await story.meet()
        await story.notify()
        await story.accept()
        await story.channel()
        case_id = str(story.case["id"])
        gates = [gate.value for gate in Gate if gate is not Gate.CLOSING_ASKED]
        there = update(Case).where(col(Case.id) == case_id)
        aside = status in SIDE or status is Status.CLOSED
        await self.write(
            "referral",
            there.values(status=status, gates=gates, resumes=Status.RESTITUTION if aside else None),
        )
        if closing:
            body = {"reason": "PLAN_FULFILLED", "officer": "pp-0009"}
            await self.cast["pp-chp"].post(f"/v1/referral/cases/{case_id}/closings", body)
        return case_id

    async def absence(self) -> Values:
        """Return a child who is missing."""
        case_id, noticed = await self.case(), datetime.now(UTC) - timedelta(minutes=1)
        body = {
            "kind": "MISSING", "circumstances": "UNKNOWN", "noticed_at": noticed.isoformat(), "officer": "dif-0031",
        }  # fmt: skip
        made = await self.cast["dif-chp"].post(f"/v1/referral/cases/{case_id}/absences", body)
        return {"case_id": case_id, "absence_id": str(made["id"])}

    async def task(self) -> Values:
        """Return a task of a child who soon turns 18, which the worker has opened."""
        case_id = await self.case()
        await until(lambda: self.read("referral", select(Case.majority_month).where(col(Case.id) == case_id)))
        await self.write("referral", update(Case).where(col(Case.id) == case_id).values(majority_month="2026-12"))

        async def opened() -> str | None:
            found = (await self.cast["pp-chp"].get(f"/v1/referral/cases/{case_id}/tasks"))["items"]
            return next((str(each["id"]) for each in found if each["agency"] == "pp-chp"), None)

        return {"case_id": case_id, "task_id": str(await until(opened))}

    async def alert(self) -> str:
        """Return an alert that stands."""
        now = datetime.now(UTC)
        body = {
            "state": "MX-CHP", "point": "Talismán", "level": "WATCH", "source": "PRESS", "officer": "opi-0417",
            "starts_at": now.isoformat(), "ends_at": (now + timedelta(days=1)).isoformat(),
        }  # fmt: skip
        return str((await self.cast["inm-chp"].post("/v1/referral/alerts", body))["id"])


Prepare = Callable[[Stage], Awaitable[Values]]


def _letter(notice_id: str, release_id: str) -> Letter:
    """Return a letter that was printed before the moment that examples name."""
    said = {
        "notice_id": notice_id, "nationality": "HND", "state": "MX-CHP", "pp": OFFICE, "dif": OFFICE,
        "statement_es": "Conforme al artículo 112 …",
    }  # fmt: skip
    return Letter(
        id=ids.opaque("ltr"), notice_id=notice_id, release_id=release_id, state="MX-CHP", kind=LetterKind.NOTICE,
        consulate_id="con-hnd-tapachula", status=LetterStatus.TO_SEND, content=said, owed_at=datetime.now(UTC),
        printed=["2026-11-20T15:04:00+00:00"],
    )  # fmt: skip
