"""What the description says is tried on a real system: every curl as it stands, and all that Schemathesis thinks of."""

import asyncio
import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import pytest_asyncio

from sandbox import description
from sandbox.cast import enrol
from sandbox.partner import until
from sandbox.ports import free_ports
from sandbox.route import Cast
from sandbox.shelters import CAS
from sandbox.system import PROGRAMS, System
from services.consular.notices.rules import NoticeStatus
from services.referral.cas_reports.rules import ReportStatus
from services.referral.cases.rules import Status
from shared.delivery.rules import DeliveryState, EndpointState
from tests.contract import stage_care
from tests.contract.stage import TO_NOTICE, Prepare, Stage, Values

WHOLE: Any = json.loads(description.FILE.read_text("utf-8"))
"""The committed one, which `test_openapi.py` compares with the present one."""

OPERATIONS: dict[str, tuple[str, Any]] = {
    operation["operationId"]: (path, operation) for path, item in WHOLE["paths"].items() for operation in item.values()
}
PLAN = Status.RESTITUTION
ORDER = ("intake", "referral", "consular", "gateway")
LATE = (
    "_representation_", "transfers_arrive$", "releases_release$", "notices_acknowledge$", "_remove$",
    "_(disable|rotate)$",
)  # fmt: skip
"""What ends something that other curls need: that the Procuraduría consents, the proposing, a key, a client, every
token."""

CALLERS = (
    (r"intake_statistics.*", "upm"),
    (r"intake_sndif_register_.*", "sndif"),
    (r"intake_children_(age_decisions_decide|screenings_index)", "pp-chp"),
    (r"intake_encounters_attendances_attend", "pp-chp"),
    (r"intake_families_(separate|reunite|remove|findings.*)", "pp-chp"),
    (r"intake_(lodging_unknown|permits_(exclude|restore)_carer)", "pp-chp"),
    (r"intake_.*", "inm-chp"),
    (r"referral_cases_(closings_approve|closings_refuse)", "stage-supervisor"),
    (r"referral_cases_admit", "dif-chp"),
    (r"referral_cases_(regularise|index|file|timeline)", "inm-chp"),
    (r"referral_cases_.*", "pp-chp"),
    (r"referral_(releases_concur|indications_(read_indications|correct))", "pp-chp"),
    (r"referral_lifts_(concur|refuse)", "comar"),
    (r"referral_(lifts|reviews)_.*", "pp-chp"),
    (r"referral_crossings_.*", "child-protection-hnd"),
    (r"referral_agencies_(export|import|change).*", "ruta-operations"),
    (r"referral_agencies_register", "dif-tam"),
    (r"referral_agencies_capacity_put", CAS),
    (r"referral_cas_reports_acknowledge", "pp-fed"),
    (r"referral_(agencies_(capacity|certification|location|contacts)|free_places|cas_reports)_.*", "pp-chp"),
    (r"referral_referrals_disclosure_stop", "pp-chp"),
    (r"referral_overrides_override", "stage-supervisor"),
    (r"referral_(consents|overrides|withholdings)_.*", "pp-chp"),
    (r"referral_(withdrawals|disclosures)_.*", "unicef"),
    (r"referral_referrals_(create|withdraw|enter_in_error|\w+_refusal|hand_on|bulk_load)", "pp-chp"),
    (r"referral_bulk_loads_.*", "pp-chp"),
    (r"referral_transfers_(accept|decline|arrive|not_arrive)", "dif-tam"),
    (r"referral_transfers_.*", "dif-chp"),
    (r"referral_measures_(decree|refuse)", "mp-fed"),
    (r"referral_(admissions_.*|assessments_assess|plan_items_(start|report))", "dif-chp"),
    (r"referral_(oficios|measures|assessments|hearings|determinations|plans|plan_items)_.*", "pp-chp"),
    (r"referral_refuge_claims_(file|index|show|ratify|appeal|finalise|withdraw)", "pp-chp"),
    (r"referral_refuge_claims_.*", "comar"),
    (r"referral_return_points_(enter|replace)", "ruta-operations"),
    (r"referral_returns_(propose|assess|concur)", "pp-chp"),
    (r"referral_events_.*", "unhcr"),
    (r"referral_(referrals|endpoints|deliveries|alarms)_.*", "unicef"),
    (r"referral_calendar_suspensions_(record|withdraw)", "comar"),
    (r"referral_interop_(mappings_add|mappings_trials_.*|quarantine_codes)", "ruta-operations"),
    (r"referral_interop_primero_transfers_read", "dif-chp"),
    (r"referral_interop_.*", "unicef"),
    (r"referral_.*", "inm-chp"),
    (r"consular_events_.*", "con-gtm-tapachula"),
    (r"consular_consulates_(register|change|export|import)\w*", "ruta-operations"),
    (r"consular_(notices_(route_again|decide|record_\w+|history)|letters_.*|consulates_coverage)", "stage-notices"),
    (r"consular_.*", "con-hnd-tapachula"),
    (r"gateway_clients_me", "dif-chp"),
    (r"gateway_.*", "stage-admin-1"),
)
"""Which client of the sandbox runs the curl of an operation; the first that fits."""


def one(name: str, make: Any) -> Prepare:
    """Prepare the one thing that an operation is about."""

    async def prepare(stage: Stage) -> Values:
        return {name: await make(stage)}

    return prepare


def referral(*steps: str) -> Prepare:
    return one("referral_id", lambda stage: stage.referral(*steps))


def claim(*steps: str, filed_by: str = "CHILD") -> Prepare:
    return one("refuge_claim_id", lambda stage: stage.claim(*steps, filed_by=filed_by))


def returning(*steps: str) -> Prepare:
    async def prepare(stage: Stage) -> Values:
        return await stage.returning(*steps)

    return prepare


def release(*steps: tuple[str, str]) -> Prepare:
    return one("release_id", lambda stage: stage.release(*steps))


def endpoint(state: EndpointState = EndpointState.ACTIVE) -> Prepare:
    return one("endpoint_id", lambda stage: stage.endpoint(*stage.place, state=state))


def delivery(state: DeliveryState) -> Prepare:
    return one("delivery_id", lambda stage: stage.delivery(*stage.place, state))


async def key(stage: Stage) -> Values:
    """An endpoint with an old key beside the new one."""
    service, owner = stage.place
    made = await stage.endpoint(service, owner)
    path = f"/v1/{service}/endpoints/{made}/keys"
    await stage.cast[owner].post(path, {"scheme": "v1"})
    keys = await stage.cast[owner].items(path)
    return {"endpoint_id": made, "key_id": next(each["id"] for each in keys if each["expires_at"])}


async def feed(stage: Stage) -> Values:
    """What a client that reads has read."""
    service, owner = stage.place
    if not await stage.cast[owner].items(f"/v1/{service}/endpoints"):
        await stage.cast[owner].post(f"/v1/{service}/endpoints", {"channel": "pull"})
    return {"through": (await stage.cast[owner].get(f"/v1/{service}/events"))["next"]}


async def replay(stage: Stage) -> Values:
    since = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    return {"endpoint_id": await stage.endpoint(*stage.place), "since": since}


async def nobody_kept_out(stage: Stage) -> Values:
    """A case that is kept from nobody, and that no other curl needs."""
    return {"case_id": await stage.case()}


async def represented(stage: Stage) -> Values:
    case_id = await stage.case()
    body = {
        "name": "Ficticia", "contact": "961", "document": "COURT_ORDER", "reference": "JF-1", "officer": "pp-0001",
    }  # fmt: skip
    await stage.cast["pp-chp"].post(f"/v1/referral/cases/{case_id}/representation", body)
    return {"case_id": case_id}


async def ready_for_acta(stage: Stage) -> Values:
    await stage.boy.notify()
    await stage.boy.accept()
    return {"case_id": await stage.boys_case()}


async def proof(stage: Stage) -> Values:
    return {"client_assertion": stage.assertion()}


async def client(stage: Stage) -> Values:
    return {"client_id": "upm"}


async def nothing_proposed(stage: Stage) -> Values:
    await stage.release(("inm", "withdraw"))
    return {}


async def nothing_on_its_way(stage: Stage) -> Values:
    await stage.call_off()
    return {}


async def adult(stage: Stage) -> Values:
    stranger = {"tie": "OTHER_ADULT", "identity": {"given_names": "Ficticio"}}
    return {"encounter_id": (await stage.met(adult=stranger))["id"]}


async def with_carer(stage: Stage) -> Values:
    """A meeting of a child and her aunt, before the moments that the examples name."""
    aunt = {"tie": "CUSTOMARY_CARE", "relation": "AUNT_OR_UNCLE"}
    return {"encounter_id": (await stage.met(adult=aunt, occurred_at="2026-11-20T12:00:00Z"))["id"]}


async def attended(stage: Stage) -> Values:
    """The same, and the Procuraduría has attended."""
    body = {"attended_at": "2026-11-20T13:00:00Z", "officer": "pp-0001", "oficio": "OF-1", "oficio_date": "2026-11-20"}
    values = await with_carer(stage)
    await stage.cast["pp-chp"].post(f"/v1/intake/encounters/{values['encounter_id']}/attendances", body)
    return values


async def notified(stage: Stage) -> Values:
    """The girl's meeting, as soon as intake has heard that the Procuraduría acknowledged it."""
    path = f"/v1/intake/encounters/{stage.values['encounter_id']}"

    async def heard() -> bool | None:
        clocks = (await stage.cast["inm-chp"].get(path))["clocks"]
        return any((each["rule"], each["state"]) == ("D1", "met") for each in clocks) or None

    await until(heard)
    return {}


async def family(stage: Stage) -> Values:
    return await stage.family()


async def growing(stage: Stage) -> Values:
    return await stage.family() | {"child_id": await stage.child()}


async def parted(stage: Stage) -> Values:
    return await stage.family(parted=True)


async def alone_then_with_carer(stage: Stage) -> Values:
    """A permit of a child whose carer was found only afterwards."""
    met = await stage.with_aunt()
    body = {"child_id": met["child_id"], "granted_at": "2026-11-20T15:04:05Z", "officer": "opi-0417"}
    made = await stage.cast["inm-chp"].post("/v1/intake/permits", body)
    return {"permit_id": made["id"], "encounter_id": met["id"]}


PREPARED: tuple[tuple[str, Prepare], ...] = (
    (r"intake_encounters_adult", adult),
    (r"intake_encounters_attendances_.*", with_carer),
    (r"intake_encounters_presentation_present", attended),
    (r"intake_encounters_procedures_.*", notified),
    (r"intake_bulk_loads_.*", one("load_id", Stage.load)),
    (r"intake_corrections_(show|apply|refuse)", one("correction_id", Stage.correction)),
    (r"intake_matches_unlink", one("match_id", lambda stage: stage.match("link"))),
    (r"intake_matches_(?!index).*", one("match_id", Stage.match)),
    (r"intake_families_record", one("child_id", Stage.child)),
    (r"intake_families_children_.*", growing),
    (r"intake_families_reunite", parted),
    (r"intake_families_(?!index).*", family),
    (r"intake_tracings_reopen", one("tracing_id", lambda stage: stage.tracing("give-up"))),
    (r"intake_tracings_(?!index).*", one("tracing_id", Stage.tracing)),
    (r"intake_interviews_show", one("interview_id", Stage.interview)),
    (r"intake_lodging_record", one("child_id", Stage.child)),
    (r"intake_lodging_(show|end|void)", one("stay_id", Stage.stay)),
    (r"intake_orientation_inquiries_(show|forward|resolve|withdraw)", one("inquiry_id", Stage.complaint)),
    (r"intake_permits_grant", one("child_id", Stage.child)),
    (r"intake_permits_(show|end)", one("permit_id", Stage.permit)),
    (r"intake_permits_link_carer", alone_then_with_carer),
    (r"intake_permits_exclude_carer", one("permit_id", lambda stage: stage.permit(carer=True))),
    (r"intake_permits_restore_carer", one("permit_id", lambda stage: stage.permit("exclude-carer", carer=True))),
    (r"referral_agencies_capacity_put", one("cas_id", Stage.centre)),
    (r"referral_cas_reports_(show|submit)", one("report_id", lambda stage: stage.report(ReportStatus.OWED))),
    (
        r"referral_cas_reports_(correct|acknowledge)",
        one("report_id", lambda stage: stage.report(ReportStatus.SUBMITTED)),
    ),
    (r"referral_cases_begin_restitution", one("case_id", lambda stage: stage.case(Status.PRD_ISSUED))),
    (r"referral_cases_closings_(approve|refuse|withdraw)", one("case_id", lambda each: each.case(PLAN, closing=True))),
    (r"referral_cases_(closings_ask|regularise|reunify|begin_.*)", one("case_id", lambda stage: stage.case(PLAN))),
    (r"referral_cases_admit", one("case_id", Stage.case)),
    (r"referral_cases_take_up", one("case_id", lambda stage: stage.case(Status.REGULARISED))),
    (r"referral_cases_reopen", one("case_id", lambda stage: stage.case(Status.CLOSED))),
    (r"referral_cases_resume", one("case_id", lambda stage: stage.case(Status.REOPENED))),
    (r"referral_cases_representation_end", represented),
    (r"referral_cases_absences_report", one("case_id", Stage.case)),
    (r"referral_cases_absences_(find|review)", Stage.absence),
    (r"referral_cases_tasks_done", Stage.task),
    (r"referral_alerts_(show|withdraw)", one("alert_id", Stage.alert)),
    (r"referral_referrals_disclosure_.*", one("referral_id", Stage.shared)),
    (r"referral_consents_(read|narrow|review|withdraw)", one("consent_id", Stage.consent)),
    (r"referral_withdrawals_(notice|acknowledge)", one("withdrawal_notice_id", Stage.withdrawal)),
    (r"referral_overrides_(uphold|revoke)", one("override_id", Stage.override)),
    (r"referral_withholdings_withhold", nobody_kept_out),
    (r"referral_withholdings_end", one("withholding_id", Stage.withholding)),
    (r"referral_referrals_(read|receive|accept|decline|withdraw|enter_in_error)", referral()),
    (r"referral_referrals_(start|hold|agree|complete|not_achieve)", referral("accept")),
    (r"referral_referrals_\w+_refusal", one("referral_id", Stage.refused)),
    (r"referral_referrals_hand_on", one("referral_id", Stage.finding)),
    (r"referral_bulk_loads_.*", one("referral_load_id", Stage.referral_load)),
    (r"referral_transfers_propose", nothing_on_its_way),
    (r"referral_transfers_(accept|withdraw|read)", one("transfer_id", Stage.transfer)),
    (r"referral_transfers_(decline|depart)", one("transfer_id", lambda stage: stage.transfer("accept"))),
    (r"referral_transfers_(arrive|not_arrive)", one("transfer_id", lambda stage: stage.transfer("accept", "depart"))),
    (r"referral_referrals_resume", referral("accept", "hold")),
    (r"referral_interop_primero_referrals_import", one("service_record_id", Stage.referral)),
    (r"referral_interop_progres_interventions_import", one("progres_orgreferralid", Stage.referral)),
    (r"referral_interop_fhir_r._tasks_import", one("value", Stage.referral)),
    (r"referral_interop_primero_transfers_read", one("transfer_id", Stage.transfer)),
    (r"referral_interop_\w+_read", referral()),
    (r"referral_interop_quarantine_(show|replay|discard)", one("quarantine_id", Stage.understood_late)),
    (r"referral_clocks_show", one("clock_id", Stage.clock)),
    (r"referral_calendar_suspensions_(show|withdraw)", one("calendar_suspension_id", Stage.closed_days)),
    (r"referral_releases_propose", nothing_proposed),
    (r"referral_releases_(show|concur|withdraw)", release()),
    (r"referral_releases_release", release(("pp", "concur"))),
    (r"referral_actas_issue", ready_for_acta),
    (r"referral_indications_correct", one("indication_id", Stage.indication)),
    (r"referral_lifts_propose", one("case_id", Stage.barred)),
    (r"referral_lifts_(?!index|end)\w+", one("lift_id", Stage.lift)),
    (r"referral_lifts_end", one("lift_id", lambda stage: stage.lift(live=True))),
    (r"referral_reviews_decide", one("review_id", Stage.review)),
    (r"referral_crossings_(?!list)\w+", one("crossing_id", Stage.crossing)),
    (r"referral_indications_indicate", one("case_id", Stage.boys_case)),
    (r"referral_(determinations_open_bid|hearings_hear)", one("case_id", lambda stage: stage.case(Status.IN_CARE))),
    *stage_care.PREPARED,
    (r"referral_refuge_claims_file", one("case_id", Stage.met_case)),
    (r"referral_refuge_claims_ratify", claim(filed_by="REPRESENTATIVE")),
    (r"referral_refuge_claims_interview", claim("admit")),
    (r"referral_refuge_claims_ask_opinion", claim("admit", "interview")),
    (r"referral_refuge_claims_receive_opinion", claim("admit", "interview", "ask-opinion")),
    (r"referral_refuge_claims_resolve", claim("admit", "interview", "ask-opinion", "receive-opinion")),
    (r"referral_refuge_claims_notify", claim("admit", "interview", "ask-opinion", "receive-opinion", "resolve")),
    (r"referral_refuge_claims_appeal", claim(*TO_NOTICE)),
    (r"referral_refuge_claims_(decide_appeal|remand)", claim(*TO_NOTICE, "appeal")),
    (r"referral_refuge_claims_finalise", one("refuge_claim_id", Stage.window_over)),
    (r"referral_refuge_claims_recognise", one("refuge_claim_id", Stage.recognised)),
    (r"referral_refuge_claims_(?!index).*", claim()),
    (r"referral_procedure_holds_hold", one("procedure_hold_id", Stage.held)),
    (r"referral_return_points_(show|replace|history)", one("return_point_id", Stage.point)),
    (r"referral_returns_propose", one("case_id", Stage.planned_case)),
    (r"referral_returns_(show|assess|cancel)", returning()),
    (r"referral_returns_concur", returning("assess")),
    (r"referral_returns_authorise", returning("assess", "concur")),
    (r"referral_returns_plan", returning("assess", "concur", "authorise")),
    (r"referral_returns_depart", returning("assess", "concur", "authorise", "plan")),
    (r"referral_returns_(receive|fail)", returning("assess", "concur", "authorise", "plan", "depart")),
    (r"\w+_endpoints_resume", endpoint(EndpointState.PAUSED)),
    (r"\w+_endpoints_verify", endpoint(EndpointState.PENDING)),
    (r"\w+_keys_revoke", key),
    (r"\w+_endpoints_(?!index|register).*", endpoint()),
    (r"\w+_deliveries_replay", replay),
    (r"\w+_deliveries_skip", delivery(DeliveryState.PENDING)),
    (r"\w+_deliveries_(show|resend)", delivery(DeliveryState.DELIVERED)),
    (r"\w+_alarms_clear", one("alarm_id", lambda stage: stage.alarm(*stage.place))),
    (r"\w+_events_.*", feed),
    (
        r"consular_notices_(route_again|decide|history)",
        one("notice_id", lambda stage: stage.notice(NoticeStatus.UNDELIVERABLE)),
    ),
    (r"consular_notices_record_acknowledgement", one("notice_id", Stage.sent_by_letter)),
    (r"consular_letters_(?!index).*", one("letter_id", Stage.letter)),
    (r"consular_consulates_(show|change|history)", one("consulate_id", Stage.post)),
    (r"consular_notices_(show|acknowledge)", one("notice_id", lambda stage: stage.notice(NoticeStatus.ISSUED))),
    (r"oauth_.*", proof),
    (r"gateway_clients_(?!index|register|me).*", client),
    (r"gateway_suspensions_(show|lift).*", one("suspension_id", Stage.suspension)),
    (r"gateway_changes_(show|approve|reject).*", one("change_id", Stage.change)),
)
"""What an operation needs beyond what the story has made; the first that fits."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A system of real processes, with its clients and one story."""
    settings = {"RUTA_SIGNING_KEY_WAIT_HOURS": "0"}  # else no key could be changed on its first day
    folder = tmp_path_factory.mktemp("curls")
    async with System(folder, port=free_ports(len(PROGRAMS)), settings=settings) as system:
        await enrol(system)
        made = Stage(system, Cast(system.url("gateway")))
        await made.set()
        yield made
        await made.cast.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(400)
async def test_every_curl_works_as_it_stands(stage: Stage, tmp_path: Path) -> None:
    failed = {}
    for name in sorted(OPERATIONS, key=_turn):
        path, operation = OPERATIONS[name]
        try:
            await _run(stage, name, path, operation)
        except Exception as error:
            failed[name] = str(error)[:600]
    assert failed == {}, "\n\n".join(f"{name}: {why}" for name, why in failed.items())


def _turn(name: str) -> tuple[int, int, str]:
    service = name.partition("_")[0]
    late = next((n for n, pattern in enumerate(LATE, 1) if re.search(pattern, name)), 0)
    return ORDER.index(service) if service in ORDER else len(ORDER), late, name


async def _run(stage: Stage, name: str, path: str, operation: Any) -> None:
    who = next((client for pattern, client in CALLERS if re.fullmatch(pattern, name)), "dif-chp")
    stage.place = (name.partition("_")[0], who)
    prepare = next((each for pattern, each in PREPARED if re.fullmatch(pattern, name)), None)
    values = stage.values | (await prepare(stage) if prepare else {})
    command = operation["x-codeSamples"][0]["source"]
    wanted = set(re.findall(r"\$([A-Z_]+)\b", command)) - {"RUTA", "TOKEN", "ETAG"}
    missing = [each for each in sorted(wanted) if each.lower() not in values]
    assert not missing, f"Say in PREPARED of this file where {missing} of {name} come from."
    given = {"RUTA": stage.system.url("gateway"), "TOKEN": await stage.cast[who].token()}
    given |= {each: values[each.lower()] for each in wanted}
    if "$ETAG" in command:
        named = path if " -X PUT " in command else path[: path.rindex("}") + 1]  # without the step's name
        given["ETAG"] = await stage.etag(who, _filled(named, values))
    status, body = await asyncio.to_thread(_shell, command, given)
    _assert_as_described(status, body, operation)


def _filled(path: str, values: Values) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], path)


def _shell(command: str, given: Values) -> tuple[str, str]:
    """Run a curl as a person pastes it; only its status is printed behind what it prints."""
    told = command.replace("curl -s", "curl -s -w '\\n%{http_code}'", 1)
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "no_proxy": "127.0.0.1", **given}
    ended = subprocess.run(
        ["bash", "-c", told], env=environment, capture_output=True, text=True, errors="replace", timeout=20
    )
    assert ended.returncode == 0, ended.stderr
    body, _, status = ended.stdout.rpartition("\n")
    return status, body


def _assert_as_described(status: str, body: str, operation: Any) -> None:
    """Assert that the answer is one of the good ones, and of the shape that the description gives it."""
    assert status.startswith("2"), f"{status} {body}"
    assert status in operation["responses"], f"{status} is not described"
    content = operation["responses"][status].get("content", {}).get("application/json")
    if content is None:
        return
    schema = json.loads(json.dumps(content["schema"]).replace('"#/components/', '"urn:whole#/components/'))
    validator = jsonschema_rs.Draft202012Validator(schema, registry=REGISTRY, validate_formats=True)
    assert [error.message for error in validator.iter_errors(json.loads(body))] == []


REGISTRY = jsonschema_rs.Registry([("urn:whole", WHOLE)], draft=jsonschema_rs.Draft202012)


# -- what nobody thought of ------------------------------------------------------------------------------

JUDGED = {
    "inm-chp": "^/v1/(intake|referral)/",
    "pp-chp": "^/v1/(referral|consular)/",
    "con-hnd-tapachula": "^/(v1/consular/|oauth/|errors|status|[.]well-known)",
}
"""As whom Schemathesis calls, and where that caller has business."""

CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.timeout(240)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("who", JUDGED)
async def test_no_request_that_schemathesis_makes_is_answered_otherwise_than_described(
    stage: Stage, who: str, tmp_path: Path
) -> None:
    await _judged(stage, who, tmp_path, "--phases", "fuzzing", "--max-examples", "3", "--seed", "1", "--no-shrink")


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("who", [*JUDGED, "stage-admin-2"])
async def test_no_request_that_schemathesis_makes_in_minutes_is_answered_otherwise_than_described(
    stage: Stage, who: str, tmp_path: Path
) -> None:
    await _judged(stage, who, tmp_path, "--phases", "examples,coverage,fuzzing", "--max-examples", "40")


async def _judged(stage: Stage, who: str, folder: Path, *options: str) -> None:
    """Let Schemathesis call as somebody, by a description in which no status is `default`."""
    strict = copy.deepcopy(WHOLE)
    for item in strict["paths"].values():
        for operation in item.values():
            del operation["responses"]["default"]
    (folder / "openapi.json").write_text(json.dumps(strict), "utf-8")
    token = await _fresh_token(stage, who)
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", str(folder / "openapi.json"),
        "--url", stage.cast.gateway, "--header", f"Authorization: Bearer {token}", "--include-path-regex",
        JUDGED.get(who, "^/v1/gateway/"), "--warnings", "off", "--continue-on-failure", *options,
    ]  # fmt: skip
    given = {"NO_COLOR": "1", "no_proxy": "127.0.0.1", "PYTHONPATH": str(CONFIG.parent)}  # where `ndjson` is
    ended = await asyncio.to_thread(
        subprocess.run, command, cwd=folder, env=dict(os.environ) | given, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]


async def _fresh_token(stage: Stage, who: str) -> str:
    """Return a token that lives for longer than a run."""
    cast = Cast(stage.cast.gateway)
    token = await cast[who].token()
    await cast.close()
    return token
