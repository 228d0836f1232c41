"""What the curls of measures, admissions, determinations and plans need beyond the story: one child in care."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import col, update

from sandbox import care
from sandbox.route import Story
from services.referral.cases.models import Case
from services.referral.cases.rules import Gate, Status
from services.referral.determinations.models import Determination
from services.referral.determinations.rules import BidState
from services.referral.measures.models import Admission, Measure
from services.referral.plans.models import Plan, PlanItem
from services.referral.plans.rules import ItemState, PlanState
from tests.contract.stage import CHILD, Prepare, Stage, Values

_EARLY = datetime(2026, 11, 20, 12, tzinfo=UTC)
"""Before the moments that the examples name."""


async def in_care(stage: Stage) -> Values:
    """A girl whose plan is carried out. She is met once; each curl puts back what another has moved."""
    if "care_case" not in stage.values:
        story = Story("stage-care", stage.cast, CHILD, met_at=datetime.now(UTC))
        for step in (story.meet, story.notify, story.accept, story.channel):
            await step()
        for part in (care.begin, care.determine, care.plan):
            stage.values |= await part(story)
        stage.values["care_case"] = str(story.case["id"])
    return {"case_id": stage.values["care_case"]}


async def with_carer(stage: Stage) -> Values:
    """A child who was met with her aunt before the moments of the examples; the Procuraduría knew by then."""
    stage.count += 1
    story = Story(f"stage-carer-{stage.count}", stage.cast, CHILD, tie="CUSTOMARY_CARE", met_at=_EARLY)
    await story.meet()
    await story.notify()
    case_id = str((await story.referral(stage.cast["pp-chp"], "PP_NOTICE"))["case_id"])
    there = update(Case).where(col(Case.id) == case_id)
    await stage.write("referral", there.values(notified_at=_EARLY))
    return {"case_id": case_id, "encounter_id": str(story.encounter["id"])}


async def oficio(stage: Stage) -> Values:
    """An oficio of such a child's aunt."""
    values = await with_carer(stage)
    body = values | {
        "number": "OF-1", "adult": "Ficticia", "tie": "CUSTOMARY_CARE", "place": "Tapachula", "officer": "pp-0001",
        "attended_at": _EARLY.isoformat(),
    }  # fmt: skip
    return {"oficio_id": str((await stage.cast["pp-chp"].post("/v1/referral/oficios", body))["id"])}


def measure(way: str) -> Prepare:
    """One more measure of hers that was asked for, or ordered, before the examples decide on it."""

    async def prepare(stage: Stage) -> Values:
        case = await in_care(stage)
        body = {
            "kind": "URGENT", "way": way, "code": "CAS_ADMISSION", "ground": "WITHOUT_CARE", "reasons": "Viaja sola.",
            "reference": "PP/2026/0418", "notice": "JF-AVISO/2026/18", "officer": "pp-0001",
        }  # fmt: skip
        made = await stage.cast["pp-chp"].post("/v1/referral/measures", case | body)
        long_ago: dict[str, Any] = {"asked_at": _EARLY} | ({"live_since": _EARLY} if made["live"] else {})
        await stage.write("referral", update(Measure).where(col(Measure.id) == made["id"]).values(**long_ago))
        return case | {"measure_id": str(made["id"])}

    return prepare


async def left(stage: Stage) -> Values:
    """She has left the shelter, and there is a measure on which she may come in."""
    values = await measure("ORDERED")(stage)
    gone = update(Admission).where(col(Admission.case_id) == values["case_id"])
    await stage.write("referral", gone.values(left_at=datetime.now(UTC)))
    return values


async def staying(stage: Stage) -> Values:
    """She lives in the shelter since before the moments of the examples."""
    values = await left(stage)
    there = update(Admission).where(col(Admission.id) == stage.values["admission_id"])
    await stage.write("referral", there.values(admitted_at=_EARLY, left_at=None, exit_reason=None))
    return values


def bid(state: BidState) -> Prepare:
    """Her determination, which stands where a curl needs it."""

    async def prepare(stage: Stage) -> Values:
        case = await in_care(stage)
        hers = update(Determination).where(col(Determination.case_id) == case["case_id"])
        one = col(Determination.id) == stage.values["determination_id"]
        await stage.write("referral", hers.where(~one).values(state=BidState.WITHDRAWN))
        await stage.write("referral", hers.where(one).values(state=state))
        gates = [gate.value for gate in Gate if gate is not Gate.CLOSING_ASKED]
        there = update(Case).where(col(Case.id) == case["case_id"])
        await stage.write("referral", there.values(status=Status.BID_OPEN, gates=gates))
        return case

    return prepare


async def no_draft(stage: Stage) -> Values:
    """Her determination is signed, and nothing was drawn up on it yet."""
    case = await bid(BidState.SIGNED)(stage)
    drafts = update(Plan).where(col(Plan.case_id) == case["case_id"], col(Plan.state) == PlanState.DRAFT)
    await stage.write("referral", drafts.values(state=PlanState.DISCARDED))
    return case


async def draft(stage: Stage) -> Values:
    """A version of her plan that nobody has signed."""
    case = await no_draft(stage)
    due = {"due_on": f"{(datetime.now(UTC) + timedelta(days=20)).date()}"}
    body = case | {"allows_exit": False, "items": [care.ITEMS[0] | due], "officer": "pp-0001"}
    return case | {"plan_id": str((await stage.cast["pp-chp"].post("/v1/referral/plans", body))["id"])}


def item(state: ItemState) -> Prepare:
    """The first item of her plan, which DIF answers for, where a curl needs it."""

    async def prepare(stage: Stage) -> Values:
        case = await in_care(stage)
        hers = update(Plan).where(col(Plan.case_id) == case["case_id"])
        one = col(Plan.id) == stage.values["plan_id"]
        await stage.write("referral", hers.where(~one).values(state=PlanState.SUPERSEDED))
        await stage.write("referral", hers.where(one).values(state=PlanState.SIGNED))
        there = update(PlanItem).where(col(PlanItem.id) == stage.values["item_id"])
        await stage.write("referral", there.values(state=state))
        return case

    return prepare


PREPARED: tuple[tuple[str, Prepare], ...] = (
    (r"referral_oficios_issue", with_carer),
    (r"referral_oficios_show.*", oficio),
    (r"referral_measures_(decree|refuse|withdraw)", measure("REQUESTED")),
    (r"referral_measures_(confirm|change|cancel|end)", measure("ORDERED")),
    (r"referral_admissions_admit", left),
    (r"referral_admissions_discharge", staying),
    (r"referral_determinations_(opinions_opine|panel_seat|decide)", bid(BidState.OPEN)),
    (r"referral_determinations_(sign|withdraw)", bid(BidState.DECIDED)),
    (r"referral_determinations_review", bid(BidState.SIGNED)),
    (r"referral_plans_draw_up", no_draft),
    (r"referral_plans_(sign|discard)", draft),
    (r"referral_plan_items_start", item(ItemState.PLANNED)),
    (r"referral_plan_items_(report|reason)", item(ItemState.UNDER_WAY)),
    (r"referral_plan_items_(verify|send_back)", item(ItemState.REPORTED)),
    (r"referral_plan_items_reopen", item(ItemState.MET)),
    (r"referral_(measures|admissions|assessments|hearings|determinations|plans|plan_items)_.*", in_care),
)
"""What an operation of these slices needs; the first that fits."""
