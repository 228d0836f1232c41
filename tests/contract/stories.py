"""A small story in each service, told through its API, in which every object of the law comes to be."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlmodel import col, select, update

from services.consular.notices.models import Notice
from services.referral.cas_reports.service import Opener
from services.referral.cases.models import Case
from services.referral.majority import service as majority
from services.referral.protection.models import Crossing
from shared import auth, clock, ids
from shared.delivery.models import Alarm, Delivery, Endpoint
from shared.delivery.rules import AlarmKind, DeliveryState, EndpointState
from shared.runtime import Runtime
from shared.testing import client, key
from tests.contract.matrix import Place
from tests.unit.consular import world as consular
from tests.unit.intake import world as intake
from tests.unit.referral import abroad_world as abroad
from tests.unit.referral import consents_world as consents
from tests.unit.referral import directory_world as directory
from tests.unit.referral import measures_world as measures
from tests.unit.referral import refuge_world as outcomes
from tests.unit.referral import world as referral


@asynccontextmanager
async def intake_place(url: str, folder: Path) -> AsyncIterator[Place]:
    """INM meets a girl with a stranger at Tapachula, and gives her food; another state seems to meet her again."""
    keyring = f"sqlite+aiosqlite:///{folder / 'keyring.db'}"
    async with intake.World.open(url, keyring, folder) as world:
        place = Place("intake", world.app, world.keys)
        given = {"code": "FOOD", "given_at": intake.ago(minutes=30)}
        stranger = {"tie": "OTHER_ADULT", "identity": {"given_names": "Desconocido"}}
        met = await world.met(intake.encounter(assistance=[given], adult=stranger))
        told = intake.again(met["child_id"], kind="ANNOUNCED", announced_by="AGENCY")
        again = await world.met(intake.encounter(place={"state": "MX-TAM"}), state="MX-TAM")  # the same girl, it seems
        asked = {"asked_by": "PROCURADURIA", "proof": "PP_REPRESENTATION", "asked_at": intake.ago(days=1),
                 "patch": {"languages": ["spa", "mam"]}}  # fmt: skip
        slept = {
            "child_id": met["child_id"], "purpose": "CARE", "quarters": "WITH_CHILDREN", "officer": "dif-0031",
            "since": intake.ago(minutes=20),
            "facility": {"kind": "CAS_PUBLIC", "state": "MX-CHP", "place": {"id": "cas-1"}},
        }  # fmt: skip
        granted = {"child_id": met["child_id"], "granted_at": intake.ago(minutes=10), "officer": "opi-0417"}
        here = {"occurred_at": intake.ago(minutes=9), "place": {"state": "MX-CHP"}, "officer": "beta-12"}
        patrol = here | {"action": "PATROL", "persons": 0, "minors": 0}
        formal = here | {"kind": "FORMAL", "topic": "EXTORTION", "complainant": {"given_names": "Ficticia"}}
        place.objects = {
            "child": met["child_id"], "lodged": met["child_id"], "screenings": met["child_id"], "encounter": met["id"],
            "announcement": (await world.met(told))["id"], "match": again["possible_matches"][0]["match_id"],
            "load": (await world.upload(json.dumps(intake.encounter(external_id="tap-1")))).json()["id"],
            "correction": (await world.add(met["child_id"], "corrections", asked, kind="PP")).json()["id"],
            "stay": (await world.send("/v1/intake/lodging", slept, kind="DIF"))["id"],
            "permit": (await world.send("/v1/intake/permits", granted))["id"],
            "action": (await world.send("/v1/intake/orientation/actions", patrol))["id"],
            "inquiry": (await world.send("/v1/intake/orientation/inquiries", formal))["id"],
        }  # fmt: skip
        await _cared_for(place, met["child_id"])
        place.beside["permit_id"] = place.objects["permit"]
        yield place


async def _cared_for(place: Place, child_id: str) -> None:
    """The girl has a mother, from whom the Procuraduría parts her; an aunt is looked for; INM interviews her."""
    carer = {"tie": "PARENTAL_AUTHORITY", "identity": {"given_names": "Ficticia"}}
    decided = {"officer": "pp-0001", "reference": "PP-1", "decided_at": intake.ago(hours=1), "child_heard": True}
    asked = {"relation": "AUNT_OR_UNCLE", "country": "HND", "searcher": "IOM", "relative": {}, "child_heard": True,
             "asked_at": intake.ago(hours=1), "officer": "opi-0417"}  # fmt: skip
    answers = [{"topic": "IDENTITY", "said": "Ficticia"}]
    told = {"held_at": intake.ago(minutes=5), "officer": "opi-0417", "opi": True, "explained_at": intake.ago(hours=1),
            "explained_in": "spa", "language": "spa", "answers": answers}  # fmt: skip
    async with place.as_("inm-chp") as inm, place.as_("pp-chp") as pp:

        async def made(by: Any, path: str, body: Any, **headers: str) -> Any:
            answer = await by.post(f"/v1/intake/{path}", json=body, headers=key() | headers)
            assert answer.status_code in (200, 201), answer.text
            return answer.json()

        family = await made(inm, "families", {"children": [{"child_id": child_id}], "carers": [carer]})
        base, member = f"families/{family['id']}", family["members"][1]["id"]
        parting = {"members": [{"member_id": member}], "reason": "NEGLECT", "decision": decided}
        parted = await made(pp, f"{base}/separate", parting, **{"If-Match": '"v1"'})
        finding = {"member_id": member, "outcome": "ADVERSE", "grounds": ["NEGLECT"], "decision": decided}
        await made(pp, f"{base}/findings", finding, **{"If-Match": '"v2"'})
        place.objects |= {
            "family": family["id"], "findings": family["id"], "member": member, "interviews": child_id,
            "separation": parted["separations"][0]["id"],
            "tracing": (await made(inm, f"children/{child_id}/tracings", asked))["id"],
            "interview": (await made(inm, f"children/{child_id}/interviews", told))["id"],
        }  # fmt: skip
    place.beside = {"family_id": family["id"]}


@asynccontextmanager
async def referral_place(url: str, folder: Path) -> AsyncIterator[Place]:
    """A girl is channelled and referred; a boy tells DIF that he fears going back."""
    async with referral.World.open(url, folder) as world:
        place = Place("referral", world.app, world.keys)
        await _engine(place, world.runtime, "pp-chp", "/v1/referral")
        case = await world.channelled()
        place.objects |= {"case/girl": case["id"]}
        for name, each in (("notice", "PP_NOTICE"), ("handover", "DIF_HANDOVER")):
            place.objects[f"referral/{name}"] = (await world.opened(case["child_id"], each))["id"]
        asked = await world.service(case["id"], "unicef", note="Unos días")
        await world.post("unicef", f"/referrals/{asked['id']}/accept", status=200)
        declined = await world.service(case["id"], "unhcr")
        await world.post("unhcr", f"/referrals/{declined['id']}/decline", {"reason": "SAFETY"}, 200)
        withdrawn = await world.service(case["id"], "iom")
        await world.post("pp-chp", f"/referrals/{withdrawn['id']}/withdraw", {}, 200)
        place.objects |= {
            "referral/service": asked["id"], "referral/declined": declined["id"], "referral/withdrawn": withdrawn["id"],
            "acta": (await world.get("inm-chp", "/actas"))["items"][0]["id"],
            "release": await _release(world, case), "parent": asked["id"],
        }  # fmt: skip
        place.objects |= await _carer(world, case)
        await _more(world, place, case)
        boy = await world.encounter()
        place.objects["case/boy"] = (await world.file(boy))["id"]
        body = {"case_id": place.objects["case/boy"], "code": "FEAR_OF_RETURN", "told_by": "CHILD"}
        told = (await world.post("dif-chp", "/indications", body, 201)).json()
        place.objects |= {"referral/comar": told["comar_referral_id"], "indications": place.objects["case/boy"]}
        await _guarded(place, world, case, told["id"])
        await _directory(place, world)
        await _followed(place, world, case)
        await _calendar(world, place)
        await _planned(place, world)
        await _outcomes(place, world, case["id"])
        async with consents.with_intake(world):
            await _consented(place, world)
            yield place


async def _carer(world: referral.World, girl: Any) -> dict[str, str]:
    """The Procuraduría attended where the girl was met with an adult who cares for her."""
    encounter = f"enc_{girl['child_id'][-32:]}"
    body = {
        "case_id": girl["id"], "encounter_id": encounter, "number": "OF-1", "adult": "Ficticia", "place": "Tapachula",
        "tie": "CUSTOMARY_CARE", "attended_at": clock.now().isoformat(), "officer": "pp-0001",
    }  # fmt: skip
    made = await world.post("pp-chp", "/oficios", body, 201)
    return {"oficio": made.json()["id"], "encounter": encounter}


async def _consented(place: Place, world: referral.World) -> None:
    """UNICEF read of another girl on a consent that was withdrawn; it reads on by an override; IOM must not know."""
    case, consent, read = await consents.shared(world)
    await consents.disclosure(world, read)
    await consents.withdrawn(world, consent)
    (notice,) = await consents.notice_to(world, "unicef", case["id"])
    override = {
        "case_id": case["id"], "recipient": "unicef", "purpose": "PSYCHOSOCIAL", "fields": consents.LISTED,
        "reason": "DANGER_TO_LIFE", "officer": "pp-0009",
    }  # fmt: skip
    made = await world.post("pp-chp", "/overrides", override, 201, role="supervisor")
    kept = {"case_id": case["id"], "agency": "iom", "reason": "FEAR_OF_HARM", "officer": "pp-0001"}
    place.objects |= {
        "consent": consent["id"], "withdrawal_notice": notice["id"], "override": made.json()["id"],
        "withholding": (await world.post("pp-chp", "/withholdings", kept, 201)).json()["id"], "disclosed": read["id"],
    }  # fmt: skip


async def _planned(place: Place, world: referral.World) -> None:
    """Another girl's plan is carried out, of which UNICEF answers for one item; she lives in a shelter."""
    plan = await measures.planned(world, measures.item(), measures.item(agency="unicef"))
    of_case = f"?case_id={plan['case_id']}"
    measure = (await world.get("pp-chp", f"/measures{of_case}"))["items"][0]["id"]
    await directory.put(world, directory.CAS, f"/agencies/{directory.CAS}/capacity", directory.room(measures.now()))
    admitted = await world.post("dif-chp", "/admissions", measures.admission(plan["case_id"], measure), 201)
    assessed = await world.post("dif-chp", "/assessments", measures.assessment(plan["case_id"]), 201)
    place.objects |= {
        "measure": measure, "admission": admitted.json()["id"], "assessment": assessed.json()["id"],
        "hearing": (await world.get("pp-chp", f"/hearings{of_case}"))["items"][0]["id"],
        "determination": (await world.get("pp-chp", f"/determinations{of_case}"))["items"][0]["id"],
        "plan": plan["id"], "item": plan["items"][1]["id"],
    }  # fmt: skip


async def _guarded(place: Place, world: referral.World, girl: Any, indication_id: str) -> None:
    """The boy's bar is to be lifted and reviewed; Honduras's body has received what the girl was released for."""
    lift = {
        "case_id": place.objects["case/boy"], "ground": "JOINT", "purpose": "CONSULAR_NOTICE", "recipients": ["HND"],
        "evidence": "PP/2026/0417", "reasons": "El riesgo cesó", "officer": "pp-0001",
    }  # fmt: skip
    place.objects |= {
        "indication": indication_id, "lift": (await world.post("pp-chp", "/lifts", lift, 201)).json()["id"],
        "review": (await world.get("pp-chp", "/reviews"))["items"][0]["id"],
    }  # fmt: skip
    await abroad.subscribed(world)
    release_id = await abroad.granted(world, girl)
    async with world.runtime.database.work() as session:
        for sent in (await session.exec(select(Delivery).where(Delivery.gate == release_id))).all():
            sent.sequence, sent.state = 1, DeliveryState.DELIVERED
    crossing_id = (await world.rows(Crossing))[0].id
    await world.post(abroad.HONDURAS, f"/crossings/{crossing_id}/acknowledge", None, 200, **abroad.ABROAD)
    place.objects["crossing"] = crossing_id


async def _calendar(world: referral.World, place: Place) -> None:
    """Take the clocks of UNICEF's referral and of COMAR's, and let COMAR close some days."""
    for name, owner in (("clock", "unicef"), ("clock/confidential", "comar")):
        place.objects[name] = (await world.get(owner, "/clocks"))["items"][0]["id"]
    days = {"first": "2026-12-21", "last": "2027-01-01", "source": "DOF 14-12-2026"}
    closed = await world.post("comar", "/calendar-suspensions", days, 201)
    place.objects["calendar_suspension"] = closed.json()["id"]


async def _outcomes(place: Place, world: referral.World, girl: str) -> None:
    """The boy claims refuge before COMAR; for the girl a return is proposed, and there is a point."""
    claim = {
        "case_id": place.objects["case/boy"], "filed_by": "CHILD", "form": "VERBAL", "officer": "comar-0007",
        "possible_on": clock.now().date().isoformat(), "possible_since": "TOLD_OF_RIGHT",
    }  # fmt: skip
    offered = {"case_id": girl, "kind": "ASSISTED_RETURN", "destination": "HND", "officer": "pp-0001"}
    made = (await world.post("comar", "/refuge-claims", claim, 201)).json()
    proposed = (await world.post("pp-chp", "/returns", offered, 201)).json()
    place.objects |= {
        "refuge_claim": made["id"], "return": proposed["id"], "return_point": await outcomes.point(world),
        "procedure_hold": (await world.get("inm-chp", "/procedure-holds"))["items"][0]["id"],
    }  # fmt: skip
    place.beside["return_id"] = proposed["id"]


async def _directory(place: Place, world: referral.World) -> None:
    """Chiapas has a shelter that has said what room it has, and owes a report on it."""
    await directory.sheltered(world)
    await directory.put(
        world, directory.CAS, f"/agencies/{directory.CAS}/capacity", directory.room("2026-01-01T00:00:00Z")
    )
    await Opener(world.runtime).turn()
    place.objects |= {
        "agency": "pp-chp", "location": directory.CAS, "cas": directory.CAS, "capacity": directory.CAS,
        "contacts": "pp-chp", "report": (await world.get("pp-chp", "/cas-reports"))["items"][0]["id"],
    }  # fmt: skip


async def _followed(place: Place, world: referral.World, case: Any) -> None:
    """The girl soon turns 18, and then nobody knows where she is; more children are expected at the bridge."""
    async with world.runtime.database.work() as session:
        await session.exec(update(Case).where(col(Case.id) == case["id"]).values(majority_month="2026-12"))
    await majority.turn(world.runtime.database)
    lists = ("representations", "risks", "closings", "tasks")
    tasks = (await world.get("dif-chp", f"/cases/{case['id']}/tasks"))["items"]
    now = clock.now()
    gone = {"kind": "MISSING", "circumstances": "UNKNOWN", "noticed_at": now.isoformat(), "officer": "dif-0031"}
    alert = {
        "state": "MX-CHP", "point": "Talismán", "level": "WATCH", "source": "PRESS", "officer": "opi-0417",
        "starts_at": now.isoformat(), "ends_at": (now + timedelta(days=1)).isoformat(),
    }  # fmt: skip
    absent = (await world.post("dif-chp", f"/cases/{case['id']}/absences", gone, 201)).json()
    place.objects |= {name: case["id"] for name in lists} | {
        "task": next(each["id"] for each in tasks if each["agency"] == "dif-chp"), "absence": absent["id"],
        "alert": (await world.post("inm-chp", "/alerts", alert, 201)).json()["id"],
    }  # fmt: skip
    place.beside |= {"case_id": case["id"], "task_id": place.objects["task"], "absence_id": absent["id"]}


async def _more(world: referral.World, place: Place, case: Any) -> None:
    """INM asks UNICEF for what the state's Procuraduría must not know; another girl is to go to another state."""
    hidden = await world.service(case["id"], "unicef", "inm-chp", withheld_from=["pp-chp"])
    other = await world.channelled()  # whose next DIF knows of her case before it may read it
    body = {
        "case_id": other["id"], "kind": "CUSTODY", "recipient": "dif-tam", "reason": "FAMILY_UNITY",
        "lawful_basis": "BEST_INTERESTS", "fields": ["status"], "officer": "dif-0031",
    }  # fmt: skip
    async with place.as_("pp-chp") as pp:
        sent = key() | {"Content-Type": "application/x-ndjson"}
        loaded = await pp.post("/v1/referral/referrals/bulk", content=b"{}", headers=sent)
        odd = {"id": "p-1", "type": "Referral", "status": "paused", "created_at": "2026-11-20T15:04:05Z"}
        kept = await pp.post("/v1/referral/interop/primero/referrals", json={"data": odd}, headers=key())
    place.objects |= {
        "quarantine": kept.headers["Location"].rpartition("/")[2],
        "referral/withheld": hidden["id"], "referral_load": loaded.json()["id"],
        "transfer/proposed": (await world.post("dif-chp", "/transfers", body, 201)).json()["id"],
    }  # fmt: skip


async def _release(world: referral.World, case: Any) -> str:
    facts = {
        "child_id": case["child_id"], "version": 1, "nationalities": ["HND"], "residence": None,
        "stateless_doubt": False, "languages": ["spa"], "relatives": [], "screened_at": clock.now().isoformat(),
    }  # fmt: skip
    signed = auth.service_token(world.keys.signers["intake"], "referral", "facts:write")
    async with client(world.app, signed) as caller:
        answer = await caller.put(f"/internal/facts/{case['child_id']}", json=facts)
        assert answer.status_code == 200, answer.text
    moment = clock.now().isoformat()
    body = {
        "case_id": case["id"], "nationality": "HND", "officer": "opi-0417", "screened_at": moment, "told_at": moment,
        "told_in": "spa", "objects": False,
    }  # fmt: skip
    return str((await world.post("inm-chp", "/releases", body, 201)).json()["id"])


@asynccontextmanager
async def consular_place(url: str, folder: Path) -> AsyncIterator[Place]:
    """The consulate at Tapachula has received one notice; another one waits at the gate, a third has nowhere to go."""
    async with consular.World.open(url, folder) as world:
        place = Place("consular", world.app, world.keys)
        receiver = consular.Receiver()
        async with consular.server(receiver.handle) as address:
            registered = await world.register(address)
            await _engine(place, world.runtime, consular.TAPACHULA, "/v1/consular", registered["id"])
            releases = {"received": await world.release()}
            await world.turn()
            world.referral.default = "wait"
            releases |= {"withheld": await world.release(), "undeliverable": await world.release("ECU")}
            releases["letter"] = await world.release("SLV")
            await world.turn()
            world.referral.verdicts[releases["letter"]] = "open"  # it may be printed, as often as somebody reads it
        async with world.runtime.database.work(write=False) as session:
            for name, release_id in releases.items():
                notice = (await session.exec(select(Notice).where(Notice.release_id == release_id))).one()
                place.objects[f"notice/{name}"] = notice.id
                if name == "withheld":
                    gated = select(Delivery).where(col(Delivery.gate) == release_id)
                    place.objects["consular:delivery/withheld"] = (await session.exec(gated)).one().id
        async with place.as_("inm-chp") as inm:
            (letter,) = (await inm.get("/v1/consular/letters")).json()["items"]
        place.objects |= {
            "consulate": consular.TAPACHULA, "letter": letter["id"], "notice_history": place.objects["notice/received"],
        }  # fmt: skip
        yield place


async def _engine(place: Place, runtime: Runtime, owner: str, base: str, endpoint_id: str | None = None) -> None:
    """Give an owner an endpoint with a key, a delivery of no gate and an alarm."""
    async with place.as_(owner) as caller:
        if endpoint_id is None:
            made = await caller.post(f"{base}/endpoints", json={"url": "http://127.0.0.1:9/"}, headers=key())
            endpoint_id = str(made.json()["id"])
        active = update(Endpoint).where(col(Endpoint.id) == endpoint_id)
        async with runtime.database.work() as session:
            await session.exec(active.values(state=EndpointState.ACTIVE, proof_due_at=None, proof_challenge=None))
        tested = await caller.post(f"{base}/endpoints/{endpoint_id}/test", headers=key())
        assert tested.status_code == 202, tested.text
        keys = (await caller.get(f"{base}/endpoints/{endpoint_id}/keys")).json()["items"]
    alarm = Alarm(id=ids.new("alm"), endpoint_id=endpoint_id, kind=AlarmKind.MISCONFIGURED, raised_at=clock.now())
    async with runtime.database.work() as session:
        session.add(alarm)
    name = place.name
    place.objects |= {
        f"{name}:endpoint": endpoint_id, f"{name}:feed": endpoint_id, f"{name}:key": keys[0]["id"],
        f"{name}:delivery": tested.json()["delivery_id"], f"{name}:alarm": alarm.id,
    }  # fmt: skip
    place.beside = {"endpoint_id": endpoint_id, "key_id": keys[0]["id"]}
