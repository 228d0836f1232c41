"""What the lines of a timeline are called, and in which order duties are shown. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.referral.agencies.rules import Kind
from services.referral.cases.machine import Standing, missing
from services.referral.cases.rules import FORWARD, LAWS, LEADS, OWES, Status
from services.referral.referrals.rules import BASIS as AGREED
from services.referral.referrals.rules import LIVE, NEXT, NOTICES, ORDERED, Party, ReferralKind, State
from shared.catalogue import Text

TEXTS: dict[str, Text] = {
    "case.opened": Text("The case was opened", "Se abrió el caso"),
    "case.notify": Text("The Procuraduría acknowledged the notice", "La Procuraduría acusó recibo del aviso"),
    "case.issue_acta": Text("The acta de canalización was issued", "Se emitió el acta de canalización"),
    "acta.issued": Text("Another hand-over has its acta", "Se emitió el acta de otra entrega"),
    "oficio.issued": Text("The oficio of the adult carer was drawn up", "Se levantó el oficio de la persona adulta"),
    "case.admit": Text("The child was taken into care", "Ingresó al cuidado institucional"),
    "case.open_bid": Text("The determination of best interests began", "Inició la determinación del interés superior"),
    "case.issue_prd": Text("The plan of restitution was issued", "Se emitió el plan de restitución de derechos"),
    "case.begin_restitution": Text("The plan was set to work", "Inició la ejecución del plan"),
    "case.return": Text("The child returned", "Se realizó el retorno"),
    "case.regularise": Text("The child's stay was regularised", "Se regularizó la estancia"),
    "case.recognise": Text("The child was recognised", "Se reconoció la condición"),
    "case.reunify": Text("The child is with its family", "Se reunificó con su familia"),
    "case.begin_transition": Text("The transition to adult life began", "Inició la transición a la vida adulta"),
    "case.take_up": Text("The plan was taken up again", "Se retomó el plan"),
    "case.transfer": Text("The case is on its way to another authority", "El caso va en camino a otra autoridad"),
    "case.arrive": Text("The child arrived", "Llegó a su destino"),
    "case.call_off": Text("The transfer was called off", "Se canceló el traslado"),
    "case.report_left_care": Text("The child left care", "Dejó el cuidado"),
    "case.report_missing": Text("The child is missing", "No se localiza"),
    "case.find": Text("The child was found", "Se localizó"),
    "case.request_close": Text("It was asked that the case be closed", "Se pidió cerrar el caso"),
    "case.close": Text("The case was closed", "Se cerró el caso"),
    "case.reopen": Text("The case was reopened", "Se reabrió el caso"),
    "case.resume": Text("The case was resumed", "Se reanudó el caso"),
    "case.represented": Text("Somebody else represents the child", "Cambió la representación"),
    "case.risk_assessed": Text("The risk was assessed", "Se valoró el riesgo"),
    "closing.refused": Text("The closing was not approved", "No se aprobó el cierre"),
    "closing.withdrawn": Text("The request to close was withdrawn", "Se retiró la solicitud de cierre"),
    "absence.reviewed": Text("The search was reviewed", "Se revisó la búsqueda"),
    "majority.near": Text("Adult life is near: tasks were opened", "Se acerca la mayoría de edad: se abrieron tareas"),
    "majority.task_done": Text("A task of stage 4 was done", "Se cumplió una tarea de la etapa 4"),
    "referral.sent": Text("A referral was sent", "Se envió una canalización"),
    "referral.receive": Text("A referral was acknowledged", "Se acusó recibo de una canalización"),
    "referral.accept": Text("A referral was accepted", "Se aceptó una canalización"),
    "referral.start": Text("Work on a referral began", "Inició la atención de una canalización"),
    "referral.hold": Text("A referral is on hold", "Una canalización está en espera"),
    "referral.resume": Text("A referral was resumed", "Se reanudó una canalización"),
    "referral.decline": Text("A referral was declined", "Se rechazó una canalización"),
    "referral.complete": Text("A referral was completed", "Se concluyó una canalización"),
    "referral.not_achieve": Text("A referral could not be achieved", "Una canalización no logró su fin"),
    "referral.withdraw": Text("A referral was withdrawn", "Se retiró una canalización"),
    "referral.expire": Text("A referral expired", "Venció una canalización"),
    "referral.return": Text("A referral could not be delivered", "Una canalización no se pudo entregar"),
    "referral.enter_in_error": Text("A referral was entered in error", "Una canalización se registró por error"),
    "referral.agree": Text("An appointment was agreed", "Se acordó una cita"),
    "referral.confirm_refusal": Text("A refusal was confirmed", "Se confirmó una negativa"),
    "referral.return_refusal": Text("A refusal was returned", "Se devolvió una negativa"),
    "referral.hand_on": Text("A referral was handed on", "Se pasó una canalización a otra institución"),
    "transfer.proposed": Text("A transfer was proposed", "Se propuso un traslado"),
    "transfer.accept": Text("A transfer was accepted", "Se aceptó un traslado"),
    "transfer.decline": Text("A transfer was declined", "Se rechazó un traslado"),
    "transfer.depart": Text("The child left for another authority", "Salió hacia otra autoridad"),
    "transfer.arrive": Text("The other authority confirmed the arrival", "La otra autoridad confirmó la llegada"),
    "transfer.not_arrive": Text("The child has not arrived", "No ha llegado a su destino"),
    "transfer.withdraw": Text("A transfer was withdrawn", "Se retiró un traslado"),
    "measure.requested": Text("A measure of protection was asked for", "Se solicitó una medida de protección"),
    "measure.ordered": Text("A measure of protection was ordered", "Se ordenó una medida de protección"),
    "measure.decree": Text("A measure was decreed", "Se decretó una medida"),
    "measure.refuse": Text("A measure was refused", "Se negó una medida"),
    "measure.withdraw": Text("The request for a measure was withdrawn", "Se retiró la solicitud de una medida"),
    "measure.confirm": Text("A measure was confirmed", "Se ratificó una medida"),
    "measure.change": Text("A measure was changed", "Se modificó una medida"),
    "measure.cancel": Text("A measure was cancelled", "Se canceló una medida"),
    "measure.end": Text("A measure ended", "Concluyó una medida"),
    "admission.admitted": Text("The child was admitted to a centre", "Ingresó a un centro de asistencia social"),
    "admission.discharged": Text("The child left a centre", "Egresó de un centro de asistencia social"),
    "assessment.recorded": Text("The child was assessed", "Se realizó una evaluación"),
    "hearing.recorded": Text("The child was heard", "Se escuchó su opinión"),
    "determination.opened": Text("A determination was opened", "Se abrió una determinación"),
    "determination.signed": Text("A determination was signed", "Se firmó una determinación"),
    "determination.withdrawn": Text("A determination was withdrawn", "Se retiró una determinación"),
    "plan.signed": Text("The plan of restitution was signed", "Se firmó el plan de restitución"),
    "plan_item.given": Text("An item of the plan was given", "Se asignó una medida del plan"),
    "plan_item.start": Text("Work on an item began", "Inició una medida del plan"),
    "plan_item.report": Text("An item was reported done", "Se informó cumplida una medida del plan"),
    "plan_item.verify": Text("An item was verified", "Se verificó una medida del plan"),
    "plan_item.send_back": Text("An item was sent back", "Se devolvió una medida del plan"),
    "plan_item.reason": Text("An item cannot be met", "Se razonó una medida que no puede cumplirse"),
    "plan_item.reopen": Text("An item was taken up again", "Se retomó una medida del plan"),
    "consent.given": Text("A consent was recorded", "Se registró un consentimiento"),
    "consent.reviewed": Text("A consent was reviewed", "Se revisó un consentimiento"),
    "consent.narrowed": Text("A part of a consent was withdrawn", "Se revocó parte de un consentimiento"),
    "consent.withdrawn": Text("A consent was withdrawn", "Se revocó un consentimiento"),
    "consent.expired": Text("The time of a consent was over", "Venció un consentimiento"),
    "withdrawal.told": Text("An earlier recipient was told of a withdrawal", "Se avisó de una revocación"),
    "withdrawal.acknowledged": Text(
        "An earlier recipient said what it did", "El destinatario informó qué hizo tras la revocación"
    ),
    "override.made": Text("A supervisor shared without consent", "Una supervisión compartió sin consentimiento"),
    "override.upheld": Text("Sharing without consent was upheld", "Se confirmó compartir sin consentimiento"),
    "override.revoked": Text("Sharing without consent was revoked", "Se revocó compartir sin consentimiento"),
    "override.expired": Text("The time of sharing without consent was over", "Venció compartir sin consentimiento"),
    "case.withheld": Text("The case is kept from an agency", "El caso se reserva a una institución"),
    "case.withholding_ended": Text("The case is kept from it no longer", "El caso dejó de reservarse"),
    "disclosure.read": Text("A recipient read listed fields", "Un destinatario leyó campos listados"),
    "disclosure.stopped": Text("The Procuraduría ended disclosures", "La Procuraduría terminó las comunicaciones"),
    "clock.warned": Text("A duty is nearly due", "Un deber está por vencer"),
    "clock.breached": Text("A duty was not done in time", "Un deber no se cumplió en plazo"),
    "clock.escalated": Text("A duty not done was escalated", "Se escaló un deber incumplido"),
    "protection.indicated": Text("A need of protection was indicated", "Se indicó una necesidad de protección"),
    "protection.corrected": Text("An indication was an error", "Un indicio se registró por error"),
    "lift.proposed": Text("A lift of the guard was proposed", "Se propuso levantar la salvaguarda"),
    "lift.concur": Text("The guard was lifted", "Se levantó la salvaguarda"),
    "lift.refuse": Text("A lift was refused", "Se negó el levantamiento"),
    "lift.withdraw": Text("A proposed lift was withdrawn", "Se retiró la propuesta de levantamiento"),
    "lift.end": Text("A lift ended", "Terminó un levantamiento"),
    "review.done": Text("What stands was reviewed", "Se revisó lo vigente"),
    "crossing.acknowledge": Text("A body abroad said that it knows", "Una autoridad extranjera acusó recibo"),
    "crossing.accepted": Text("A body abroad accepted", "Una autoridad extranjera aceptó"),
    "crossing.declined": Text("A body abroad declined", "Una autoridad extranjera declinó"),
    "release.proposed": Text("A consular notice was proposed", "Se propuso un aviso consular"),
    "release.concur": Text("The Procuraduría concurred", "La Procuraduría dio su conformidad"),
    "release.release": Text("A consular notice was released", "Se liberó un aviso consular"),
    "release.withdraw": Text("A proposed consular notice was withdrawn", "Se retiró la propuesta de aviso consular"),
    "release.stop": Text("A consular notice was stopped", "Se detuvo un aviso consular"),
    "hold.began": Text("Procedures and returns are held up", "Se suspendieron procedimientos y retornos"),
    "hold.ended": Text("Procedures and returns are no longer held up", "Terminó la suspensión"),
    "refuge.filed": Text("A claim was filed", "Se presentó una solicitud"),
    "refuge.ratify": Text("The claim was ratified", "Se ratificó la solicitud"),
    "refuge.lapse": Text("The claim was not ratified in time", "La solicitud no se ratificó en plazo"),
    "refuge.admit": Text("The claim was admitted", "Se admitió la solicitud"),
    "refuge.interview": Text("COMAR heard the child", "La COMAR realizó una entrevista"),
    "refuge.ask_opinion": Text("SRE was asked for its opinion", "Se pidió opinión a la SRE"),
    "refuge.receive_opinion": Text("SRE gave its opinion", "La SRE emitió su opinión"),
    "refuge.extend": Text("The time to resolve was extended", "Se amplió el plazo para resolver"),
    "refuge.resolve": Text("The claim was resolved", "Se resolvió la solicitud"),
    "refuge.notify": Text("The resolution was notified", "Se notificó la resolución"),
    "refuge.appeal": Text("An appeal was filed", "Se interpuso un recurso"),
    "refuge.decide_appeal": Text("The appeal was decided", "Se resolvió el recurso"),
    "refuge.remand": Text("The appeal sent the claim back to COMAR", "El recurso devolvió la solicitud a la COMAR"),
    "refuge.finalise": Text("The resolution is final", "La resolución quedó firme"),
    "refuge.withdraw": Text("The claim or the appeal was withdrawn", "Se desistió de la solicitud o del recurso"),
    "refuge.tell_inm": Text("COMAR told INM of the claim", "La COMAR informó al INM de la solicitud"),
    "refuge.recognise": Text("The case took the outcome", "El caso tomó el resultado"),
    "return.proposed": Text("A return was proposed", "Se propuso un retorno"),
    "return.assess": Text("The danger of a return was assessed", "Se evaluó el peligro del retorno"),
    "return.concur": Text("The Procuraduría concurred in a return", "La Procuraduría dio su conformidad al retorno"),
    "return.authorise": Text("INM authorised a return", "El INM autorizó el retorno"),
    "return.plan": Text("A return was planned", "Se planeó un retorno"),
    "return.depart": Text("The child departed", "Inició el traslado de retorno"),
    "return.receive": Text("The child was received", "Fue recibida por la autoridad"),
    "return.fail": Text("The child came back", "Regresó sin ser recibida"),
    "return.cancel": Text("A return was called off", "Se canceló un retorno"),
}
"""What each code says. A code that a slice enters and that is not here is shown without words."""


@dataclass(frozen=True, slots=True)
class Owed:
    """What an agency owes next."""

    agency: str
    duty: str
    rule: str
    subject: str
    due_at: datetime | None
    overdue: bool


def leading(status: Status, resumes: Status | None) -> Kind | None:
    """Return the kind of body that leads a case; nobody leads a closed one."""
    return LEADS.get(status) or (LEADS.get(resumes) if resumes and status is not Status.CLOSED else None)


def gates_owed(standing: Standing) -> list[tuple[str, str, Kind]]:
    """Return what the next step on the way forward lacks: gate, rule, and the kind of body that owes it."""
    ahead = FORWARD.get(standing.status)
    lacking = missing(standing, ahead) if ahead is not None else []
    return [(gate.value, LAWS[gate].id, OWES[gate]) for gate in lacking if gate in OWES]


def referral_owed(kind: ReferralKind, state: State) -> Party | None:
    """Return whose turn it is on a referral; nobody's where a notice was received or a hand-over accepted."""
    answered = state not in (State.SENT, State.UNDELIVERABLE)
    done = (kind in NOTICES and answered) or (
        kind is ReferralKind.DIF_HANDOVER and answered and state is not State.RECEIVED
    )
    return NEXT[state] if state in LIVE and not done else None


def referral_rule(kind: ReferralKind) -> str:
    """Return the rule by which a referral is answered."""
    return AGREED.id if kind is ReferralKind.SERVICE else ORDERED.id


def in_order(owed: Iterable[Owed]) -> list[Owed]:
    """Return duties with what is due soonest first; those without a time come last."""
    return sorted(owed, key=lambda each: (each.due_at is None, each.due_at, each.duty, each.subject))
