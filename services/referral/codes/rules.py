"""The registry of code lists: one line for each list of each slice. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.referral.absences import codes as absences
from services.referral.agencies import rules as agencies
from services.referral.alerts import rules as alerts
from services.referral.cas_reports import rules as cas_reports
from services.referral.cases import codes as cases
from services.referral.closings import codes as closings
from services.referral.consents import codes as consents
from services.referral.consents import rules as consent_rules
from services.referral.determinations import codes as determinations
from services.referral.disclosures import rules as disclosures
from services.referral.duty import rules as duty
from services.referral.measures import codes as measures
from services.referral.oficios import rules as oficios
from services.referral.places import rules as places
from services.referral.plans import codes as plans
from services.referral.plans import rules as plan_rules
from services.referral.protection import codes as protection
from services.referral.referrals import codes as referrals
from services.referral.refuge import codes as refuge
from services.referral.refuge import rules as refuge_rules
from services.referral.return_points import rules as return_points
from services.referral.returns import codes as returns
from services.referral.transfers import rules as transfers
from shared.catalogue import Text

_CPIMS = "CPIMS+ case management; the list is a design decision"
_PRIMERO = "Primero's forms; the list is a design decision"
_RETURNS = "After Ley de Migración, art. 74, 112, fr. III, and 120; the list is a design decision"


@dataclass(frozen=True, slots=True)
class Listed:
    """A list as a slice contributes it: its codes with their texts, and where they come from."""

    name: str
    texts: Mapping[Any, Text]
    source: str = referrals.DESIGN
    verified: bool = False

    @property
    def codes(self) -> type[StrEnum]:
        """Return the codes themselves."""
        kind: type[StrEnum] = type(next(iter(self.texts)))
        return kind


LISTED = (
    Listed("agency-kinds", agencies.KINDS, "The Ruta (SIPINNA 2019) and LGDNNA; the list is a design decision"),
    Listed("services", {code: each.text for code, each in agencies.SERVICES.items()}),
    Listed("duty-roles", duty.ROLES),
    Listed("place-sexes", places.SEXES),
    Listed("age-bands", places.BANDS, _CPIMS),
    Listed("certificate-suspensions", places.SUSPENSIONS, "LGDNNA, art. 107 to 112; the list is a design decision"),
    Listed("centre-operations", cas_reports.OPERATIONS),
    Listed("visit-results", cas_reports.RESULTS),
    Listed("alert-levels", alerts.LEVELS),
    Listed("alert-sources", alerts.SOURCES),
    Listed("case-stages", cases.STAGES, "The Ruta (SIPINNA 2019), stages 0 to 4; the list is a design decision"),
    Listed("representations", cases.REPRESENTATIONS, "LGDNNA, art. 106"),
    Listed("representative-ends", cases.REPRESENTATIVE_ENDS),
    Listed("representation-documents", cases.DOCUMENTS),
    Listed("risks", cases.RISKS, _CPIMS),
    Listed("risk-reasons", cases.RISK_REASONS, _CPIMS),
    Listed("absence-kinds", absences.KINDS),
    Listed("absence-circumstances", absences.CIRCUMSTANCES),
    Listed("absence-findings", absences.FINDINGS),
    Listed("absence-found", absences.FOUND),
    Listed("absence-ends", absences.ENDS),
    Listed("closure-reasons", closings.CLOSURES, "Primero and CPIMS+; the list is a design decision"),
    Listed("reopening-reasons", closings.REOPENINGS),
    Listed("closure-refusals", closings.REFUSALS),
    Listed("urgencies", referrals.URGENCIES, "Primero's urgency of a service"),
    Listed("lawful-bases", referrals.BASES, "LGPDPPSO, art. 7 and 16; the list is a design decision"),
    Listed("referral-reasons", referrals.REASONS),
    Listed("decline-reasons", referrals.DECLINE_REASONS, "After ORR form P-7's refusal codes; a design decision"),
    Listed("refusal-returns", referrals.REFUSAL_RETURNS),
    Listed("hold-reasons", referrals.HOLD_REASONS),
    Listed("outcomes", referrals.OUTCOMES, _PRIMERO),
    Listed("not-achieved-reasons", referrals.NOT_ACHIEVED_REASONS),
    Listed("withdraw-reasons", referrals.WITHDRAW_REASONS),
    Listed("error-reasons", referrals.ERROR_REASONS),
    Listed("fields", referrals.FIELDS, "Intake's own fields; the list is a design decision"),
    Listed("transfer-kinds", transfers.KINDS),
    Listed("transfer-reasons", transfers.REASONS),
    Listed("transfer-refusals", transfers.REFUSALS),
    Listed("transfer-withdrawals", transfers.WITHDRAWALS),
    Listed("arrival-conditions", transfers.CONDITIONS),
    Listed("case-fields", transfers.CASE_FIELDS),
    Listed("purposes", consents.PURPOSES, consents.CPIMS),
    Listed("recipient-classes", consents.CLASSES, consents.CPIMS),
    Listed("consent-givers", consents.GIVERS, consents.CPIMS),
    Listed("assents", consents.ASSENTS, consents.CPIMS),
    Listed("consent-forms", consents.FORMS, "LGPDPPSO, art. 15; the list is a design decision"),
    Listed("consent-withdrawal-reasons", consents.WITHDRAWAL_REASONS),
    Listed("withdrawal-acts", consents.DONE, "LGPDPPSO, art. 17 and 18; the list is a design decision"),
    Listed("override-reasons", consents.OVERRIDE_REASONS, "After LGPDPPSO, art. 16; a design decision"),
    Listed("withhold-reasons", consents.WITHHOLD_REASONS, consents.CPIMS),
    Listed("disclosure-stop-reasons", disclosures.STOP_REASONS),
    Listed("indications", protection.INDICATIONS, protection.SIGNS),
    Listed("indication-tellers", protection.TELLERS, protection.TOLD),
    Listed("lift-grounds", protection.LIFT_GROUNDS, protection.LIFTED),
    Listed("lift-purposes", protection.LIFT_PURPOSES, protection.LIFTED),
    Listed("review-subjects", protection.REVIEW_SUBJECTS),
    Listed("review-outcomes", protection.REVIEW_OUTCOMES),
    Listed("correction-reasons", protection.CORRECTIONS),
    Listed("crossing-answers", protection.ANSWERS),
    Listed("measure-kinds", measures.KINDS, measures.LAW),
    Listed("measure-ways", measures.WAYS, measures.LAW),
    Listed("measures", measures.MEASURES, measures.LAW, verified=True),
    Listed("measure-grounds", measures.GROUNDS, measures.GROUNDS_LAW),
    Listed("measure-states", measures.STATES),
    Listed("measure-ends", measures.ENDS),
    Listed("admission-purposes", measures.PURPOSES, measures.INAI),
    Listed("exit-reasons", measures.EXITS, measures.INAI),
    Listed("assessment-kinds", determinations.ASSESSMENTS, determinations.UNHCR),
    Listed("findings", determinations.FINDINGS, determinations.FOUND),
    Listed("expressions", determinations.EXPRESSIONS, determinations.HEARD),
    Listed("explanations", determinations.EXPLAINED, determinations.HEARD),
    Listed("determination-purposes", determinations.PURPOSES, determinations.UNHCR),
    Listed("disciplines", determinations.DISCIPLINES, determinations.FORM),
    Listed("determination-options", determinations.OPTIONS),
    Listed("determination-states", determinations.STATES),
    Listed("review-reasons", determinations.REVIEWS, determinations.UNHCR),
    Listed("rights", plan_rules.RIGHTS, plans.RIGHTS_LAW, verified=True),
    Listed("beneficiaries", plans.BENEFICIARIES, plans.FORM),
    Listed("periodicities", plans.PERIODICITIES, plans.FORM),
    Listed("unmet-reasons", plans.UNMET),
    Listed("plan-states", plans.PLANS),
    Listed("plan-item-states", plans.ITEMS),
    Listed("carer-ties", oficios.TIES, oficios.LAW),
    Listed("sensitivities", consent_rules.SENSITIVITIES, "LGPDPPSO, art. 3; the list is a design decision"),
    Listed("claim-filers", refuge.FILERS, "LRPCAP, art. 11", verified=True),
    Listed("claim-forms", refuge.FORMS, "LRPCAP, art. 18", verified=True),
    Listed("claim-possible-since", refuge.POSSIBLE_SINCE, "After LRPCAP, art. 13 and 18; a design decision"),
    Listed("claim-late-reasons", refuge.LATE_REASONS, "After LRPCAP, art. 18; a design decision"),
    Listed("claim-extension-grounds", refuge_rules.GROUND_TEXTS, "LRPCAP, art. 24, fr. I to V", verified=True),
    Listed("claim-opinion-topics", refuge.TOPICS, "After LRPCAP, art. 24; the list is a design decision"),
    Listed("claim-opinions", refuge.OPINIONS, "After LRPCAP, art. 24; the list is a design decision"),
    Listed("claim-outcomes", refuge_rules.OUTCOMES, "LRPCAP, art. 25 and 28"),
    Listed("claim-remedies", refuge.REMEDIES, "LRPCAP, art. 25"),
    Listed("claim-appeal-decisions", refuge.APPEAL_DECISIONS),
    Listed("claim-withdrawal-reasons", refuge.WITHDRAWAL_REASONS),
    Listed("return-kinds", returns.KINDS, _RETURNS),
    Listed("return-findings", returns.FINDINGS, _RETURNS),
    Listed("return-wishes", returns.WISHES),
    Listed("return-failures", returns.FAIL_REASONS),
    Listed("return-cancellations", returns.CANCEL_REASONS),
    Listed("return-obstacles", returns.OBSTACLES, _RETURNS),
    Listed("return-routes", return_points.CODES),
    Listed("return-instruments", return_points.INSTRUMENT_TEXTS, "Each instrument's own source: see the route's law"),
)
"""Every list of the service."""

LISTS: Mapping[str, Listed] = {each.name: each for each in sorted(LISTED, key=lambda each: each.name)}
