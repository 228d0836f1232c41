"""Who may read which object: the intended law, in one table. The matrix test holds every service to it.

A policy that grows too wide or too narrow fails there; whoever means it changes this table first.
"""

from typing import Any

KINDS: dict[str, dict[str, Any]] = {
    "inm-chp": {"agency_kind": "INM", "state": "MX-CHP"},
    "inm-chp/airport": {"agency_kind": "INM", "state": "MX-CHP", "office": "aeropuerto-tapachula"},
    "inm-tam": {"agency_kind": "INM", "state": "MX-TAM"},
    "inm": {"agency_kind": "INM"},
    "pp-chp": {"agency_kind": "PP", "state": "MX-CHP"},
    "pp-tam": {"agency_kind": "PP", "state": "MX-TAM"},
    "pp-fed": {"agency_kind": "PP"},
    "dif-chp": {"agency_kind": "DIF", "state": "MX-CHP"},
    "dif-tam": {"agency_kind": "DIF", "state": "MX-TAM"},
    "dif-nacional": {"agency_kind": "DIF"},
    "comar": {"agency_kind": "COMAR"},
    "mp-oax": {"agency_kind": "MP", "state": "MX-OAX"},
    "unicef": {"agency_kind": "UNICEF"},
    "unhcr": {"agency_kind": "UNHCR"},
    "iom": {"agency_kind": "IOM"},
    "casa-refugio": {"agency_kind": "NGO"},
    "upm": {"agency_kind": "UPM"},
    "child-protection-hnd": {"agency_kind": "CHILD_PROTECTION_ABROAD"},
    "con-hnd-tapachula": {"agency_kind": "CONSULATE", "country": "HND"},
    "con-hnd-cdmx": {"agency_kind": "CONSULATE", "country": "HND"},
    "con-slv-tapachula": {"agency_kind": "CONSULATE", "country": "SLV"},
    "ruta-operations": {"agency_kind": "OPERATOR"},
}
"""Everybody who calls, by agency (and office). Each has every scope there is, so that only the object decides."""

SISTERS = ("service:referral",)
"""A sister service: the tokens that it signs itself open no route of partners."""

EVERYBODY = frozenset(KINDS)
LOCAL = frozenset({"inm-chp", "inm-chp/airport", "inm", "pp-chp", "pp-fed"})
"""R37: INM and the Procuraduría of the state, and their federal offices."""
_INM = frozenset({"inm-chp", "inm-chp/airport"})
_REPRESENTED = frozenset({"pp-chp", "pp-fed"})
"""To whom the child is represented: they see every referral of the case."""
_SHARED = LOCAL | {"dif-chp", "dif-nacional"}
"""LM 112-VI: INM shares its interviews with the Procuraduría and the DIF."""
_CARE = frozenset({"dif-chp", "dif-nacional"})
"""Who cares for the child: it must know where she sleeps."""
_OPERATED = frozenset({"ruta-operations"})

READERS: dict[str, frozenset[str]] = {
    # intake
    "child": LOCAL,
    "encounter": LOCAL,
    "screenings": _REPRESENTED,
    "announcement": LOCAL,
    "load": _INM,  # whose upload it was
    "correction": LOCAL,
    "match": LOCAL | {"inm-tam", "pp-tam"},  # a child of either state
    "family": LOCAL,
    "findings": _REPRESENTED,
    "member": LOCAL,
    "separation": LOCAL,
    "tracing": LOCAL,
    "interview": _SHARED,
    "interviews": _SHARED,
    "lodged": LOCAL | _CARE,  # the child, where somebody says where it sleeps
    "stay": LOCAL | _CARE,
    "permit": LOCAL,
    "action": _INM | {"inm"},
    "inquiry": _INM | {"inm"},
    # referral: a girl who was channelled, and a boy who fears going back
    "case/girl": LOCAL | {"dif-chp", "unicef", "unhcr", "iom"},
    "case/boy": LOCAL | {"dif-chp", "comar"},
    "representations": _REPRESENTED,
    "risks": _REPRESENTED | {"dif-chp"},
    "closings": LOCAL | {"dif-chp"},
    "tasks": _REPRESENTED | {"dif-chp"},
    "task": _REPRESENTED | {"dif-chp"},
    "absence": LOCAL | {"dif-chp", "unicef", "unhcr", "iom"},
    "measure": _REPRESENTED | {"dif-chp"},  # and the Ministerio Público that was asked
    "admission": _REPRESENTED | _CARE,  # never INM's: it tells where a shelter is (R31)
    "assessment": _REPRESENTED | {"dif-chp"},
    "hearing": _REPRESENTED,
    "determination": _REPRESENTED | {"dif-chp"},
    "plan": _REPRESENTED,
    "item": _REPRESENTED | {"unicef"},  # who answers for it
    "alert": LOCAL | _CARE | {"comar", "upm"},  # the authorities of the territory, and federal ones
    "referral/notice": _INM | _REPRESENTED,
    "referral/handover": _INM | _REPRESENTED | {"dif-chp"},
    "referral/service": _REPRESENTED | {"unicef"},
    "referral/declined": _REPRESENTED | {"unhcr"},
    "referral/withdrawn": _REPRESENTED | {"iom"},
    "referral/comar": _REPRESENTED | {"dif-chp", "comar"},  # never INM's to know (the guard)
    "referral/withheld": _INM | {"pp-fed", "unicef"},  # from the Procuraduría of the state (R29)
    "parent": _REPRESENTED | {"unicef"},
    "referral_load": frozenset({"pp-chp"}),  # whose upload it was
    "quarantine": frozenset({"pp-chp"}),  # whose message waits
    "consent": _REPRESENTED,  # who recorded it, and to whom the child is represented
    "withdrawal_notice": _REPRESENTED | {"unicef"},
    "override": _REPRESENTED,
    "withholding": _REPRESENTED,
    "disclosed": frozenset({"unicef"}),  # the recipient of the referral alone
    "transfer/proposed": _REPRESENTED | {"dif-chp", "dif-tam"},
    "acta": LOCAL | {"dif-chp"},
    "oficio": LOCAL,  # INM's presentación of the adult waits for it; it names nobody else
    "clock": frozenset({"unicef"}),  # who owes the duty; others see it with what it is about
    "clock/confidential": frozenset({"comar"}),
    "release": LOCAL,
    "indications": _REPRESENTED,
    "refuge_claim": _REPRESENTED | {"comar"},  # of a claim nobody else knows (LRPCAP 10, 21)
    "procedure_hold": LOCAL,
    "return": LOCAL | {"dif-chp"},
    "return_point": EVERYBODY,
    "indication": _REPRESENTED,
    "lift": _REPRESENTED | {"comar"},  # the two authorities that lift
    "review": _REPRESENTED,
    "crossing": frozenset({"child-protection-hnd"}),  # whom it was sent to
    # the webhook engine, in referral and consular: one endpoint of one owner
    "referral:endpoint": _OPERATED | {"pp-chp"},
    "referral:key": _OPERATED | {"pp-chp"},
    "referral:delivery": _OPERATED | {"pp-chp"},
    "referral:alarm": _OPERATED | {"pp-chp"},
    "referral:feed": frozenset({"pp-chp"}),
    "consular:endpoint": _OPERATED | {"con-hnd-tapachula"},
    "consular:key": _OPERATED | {"con-hnd-tapachula"},
    "consular:delivery": _OPERATED | {"con-hnd-tapachula"},
    "consular:delivery/withheld": frozenset(),
    "consular:alarm": _OPERATED | {"con-hnd-tapachula"},
    "consular:feed": frozenset({"con-hnd-tapachula"}),
    # consular: federal offices read notices where the release is, in referral
    "notice/received": _INM | {"pp-chp", "con-hnd-tapachula"},
    "notice/withheld": _INM | {"pp-chp"},
    "notice/undeliverable": _INM | {"pp-chp"},
    "notice/letter": _INM | {"pp-chp"},
    "letter": _INM | {"pp-chp"},  # the consulate has the paper
    "notice_history": _INM | {"pp-chp"},
    # the directory: public but for what leads to children
    "agency": EVERYBODY,
    "location": EVERYBODY,  # with the address or, where R31 withholds it, without
    "cas": EVERYBODY,  # the register of centres is public (LGDNNA 112)
    "capacity": frozenset({"pp-chp", "pp-tam", "pp-fed", "dif-chp", "dif-tam", "dif-nacional"}),
    "contacts": _SHARED | {"comar", "unicef", "unhcr", "iom", "upm"},  # who acts in the territory
    "report": _REPRESENTED,
    "calendar_suspension": EVERYBODY,
    "consulate": EVERYBODY,
}
"""Object, in a situation where that matters → who may read it. Everybody else gets what a nonexistent id gets."""
