"""The time limits of referrals: law as data, published at `/v1/referral/rules`. Pure."""

from datetime import timedelta

from services.referral.referrals.codes import DESIGN, HOLD_REASONS, Urgency
from services.referral.referrals.rules import ReferralKind
from shared.catalogue import Text
from shared.clocks.rules import Deadline, Ground

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_IMMEDIATELY = "“immediately”: the law gives no number, the times are a design decision (D1, D2: R7)"
_PRACTICE = "Primero's urgency of a service; the use as a deadline is a design decision"
_HOLDS = tuple(Ground(code.value, text, DESIGN, verified=False) for code, text in HOLD_REASONS.items())
"""Why the clock of the beginning may rest: the reasons for which work on a referral rests."""

_PARTNER = Text("The agency", "La institución")


def _acknowledges(rule: str, whom: Text, source: str, warn: timedelta, due: timedelta) -> Deadline:
    name = Text(f"{whom.en} acknowledges", f"{whom.es} acusa recibo")
    return Deadline(rule, name, source, verified=False, due=due, warn=warn)


def _begins(rule: str, warn: timedelta, due: timedelta) -> Deadline:
    name = Text("The service begins after it was accepted", "El servicio comienza tras su aceptación")
    return Deadline(rule, name, _PRACTICE, verified=False, due=due, warn=warn, pauses=_HOLDS)


ACK_PP = _acknowledges("ACK_PP", Text("The Procuraduría", "La Procuraduría"), f"LM 112-I; {_IMMEDIATELY}", _HOUR, _DAY)
ACK_DIF = _acknowledges("ACK_DIF", Text("DIF", "El DIF"), f"LM 112-I; {_IMMEDIATELY}", _HOUR, _DAY)
ACK_COMAR = _acknowledges(
    "ACK_COMAR", Text("COMAR", "La COMAR"), f"LM 112-V, LRPCAP 21; {_IMMEDIATELY}", timedelta(minutes=15), _HOUR
)
ACK_MP = _acknowledges(
    "ACK_MP",
    Text("The Ministerio Público", "El Ministerio Público"),
    "INM's rule of 2010 on victims of trafficking (El Siglo de Torreón, 2010); the times are a design decision",
    timedelta(minutes=15),
    _HOUR,
)
ACK_SERVICE = {
    Urgency.HOUR: _acknowledges("ACK_SERVICE_1H", _PARTNER, _PRACTICE, timedelta(minutes=30), _HOUR),
    Urgency.HOURS: _acknowledges("ACK_SERVICE_3H", _PARTNER, _PRACTICE, 2 * _HOUR, 3 * _HOUR),
    Urgency.DAY: _acknowledges("ACK_SERVICE_1D", _PARTNER, _PRACTICE, 18 * _HOUR, _DAY),
    Urgency.DAYS: _acknowledges("ACK_SERVICE_3D", _PARTNER, _PRACTICE, 2 * _DAY, 3 * _DAY),
}
START_SERVICE = {
    Urgency.HOUR: _begins("START_SERVICE_1H", timedelta(minutes=30), _HOUR),
    Urgency.HOURS: _begins("START_SERVICE_3H", 2 * _HOUR, 3 * _HOUR),
    Urgency.DAY: _begins("START_SERVICE_1D", 18 * _HOUR, _DAY),
    Urgency.DAYS: _begins("START_SERVICE_3D", 2 * _DAY, 3 * _DAY),
}
"""From acceptance to the beginning. An agreed appointment takes its place."""

APPOINTMENT = Deadline(
    "APPOINTMENT",
    Text("The service begins at the time that was agreed", "El servicio comienza en la cita acordada"),
    DESIGN,
    verified=False,
    due=2 * _HOUR,
    warn=timedelta(),
)
"""Counted from the agreed time: a reminder then, a breach two hours later."""

CONFIRM_REFUSAL = Deadline(
    "CONFIRM_REFUSAL",
    Text("A second party confirms or returns a refusal", "Una segunda instancia confirma o devuelve la negativa"),
    "HMIS Warehouse (denied-pending): no number is known; the times are a design decision",
    verified=False,
    due=2 * _HOUR,
    warn=_HOUR,
)
LAPSE = 7 * _DAY
LAPSE_SERVICE = Deadline(
    "LAPSE_SERVICE",
    Text(
        "A request for a service that nobody answers expires, counted from when its answer was due",
        "Una solicitud de servicio que nadie contesta caduca, contada desde que vencía su respuesta",
    ),
    DESIGN,
    verified=False,
    due=LAPSE,
    warn=LAPSE,
)
"""No clock runs for it: the breach has been told already, and the sender looks for another way."""

_ACK = {
    ReferralKind.PP_NOTICE: ACK_PP,
    ReferralKind.PP_VERIFY: ACK_PP,
    ReferralKind.PP_FIND: ACK_PP,
    ReferralKind.DIF_HANDOVER: ACK_DIF,
    ReferralKind.COMAR_NOTICE: ACK_COMAR,
    ReferralKind.MP_NOTICE: ACK_MP,
}
DEADLINES = (
    ACK_PP, ACK_DIF, ACK_COMAR, ACK_MP, *ACK_SERVICE.values(), *START_SERVICE.values(), APPOINTMENT, CONFIRM_REFUSAL,
    LAPSE_SERVICE,
)  # fmt: skip


def acknowledgement(kind: ReferralKind, urgency: Urgency) -> Deadline:
    """Return within what time the recipient must acknowledge."""
    return _ACK.get(kind) or ACK_SERVICE[urgency]
