"""A referral as FHIR has it: a Task that asks for the contained ServiceRequest, in R4 or R5 (Gravity's SDOH Task).

Only what is listed here may come in; anything else, an unknown extension too, is refused, so that no identity of a
child arrives unseen. The child is an opaque identifier, and has no display.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from services.referral.interop.rules import Door, MapList, Told
from services.referral.interop.wire import At, Word
from shared.shapes import In, Note

CODES, IDS = "urn:ruta:code:", "urn:ruta:id:"
BASIS = "urn:ruta:fhir:lawful-basis"
Uri = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9:/._#?&=%~-]{1,200}$")]
Value = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]


class FhirCoding(In):
    """A code of a code system."""

    system: Uri = Field(description="the code system; ours are urn:ruta:code:<list>", examples=["urn:ruta:code:state"])
    code: Word = Field(description="the code", examples=["accepted"])


class FhirConcept(In):
    """A concept, by its codes."""

    coding: Annotated[list[FhirCoding], Field(max_length=8)] = Field(default_factory=list, description="its codes")
    text: Note | None = Field(default=None, description="in words; never an identity", examples=["Sin lugar"])


class FhirReason(In):
    """A reason, as R5 has it."""

    concept: FhirConcept = Field(description="the reason")


class FhirIdentifier(In):
    """An id, with who gives it."""

    system: Uri = Field(description="whose id it is; ours are urn:ruta:id:…", examples=["urn:ruta:id:referral"])
    value: Value = Field(description="the id", examples=["ref_019aa7c3f0e57d1e8c2f4b6a90d31e48"])


class FhirReference(In):
    """What is meant, by its identifier alone; a contained resource by `#` and its id."""

    reference: Literal["#request"] | None = Field(default=None, description="the contained request", examples=[None])
    identifier: FhirIdentifier | None = Field(default=None, description="its id")


class FhirMeta(In):
    """Which version it is."""

    versionId: Value = Field(description="the version at its sender", examples=["3"])
    lastUpdated: At | None = Field(default=None, description="when that came to be")
    profile: Annotated[list[Uri], Field(max_length=4)] | None = Field(default=None, description="profiles")


class FhirExtension(In):
    """The one extension that is known: on which basis the data is shared (R28)."""

    url: Literal["urn:ruta:fhir:lawful-basis"] = Field(description="which one", examples=[BASIS])
    valueCode: Word = Field(description="our code of the basis", examples=["BEST_INTERESTS"])


class FhirPeriod(In):
    """From when until when."""

    start: At | None = Field(default=None, description="from when")
    end: At | None = Field(default=None, description="until when")


class FhirRestriction(In):
    """Within what time it is to be done."""

    period: FhirPeriod = Field(description="from when until when")


class FhirAnnotation(In):
    """A person's own words."""

    text: Note = Field(description="the words; never an identity", examples=["Unos días"])
    time: At | None = Field(default=None, description="when they were said")


class FhirOutput(In):
    """What came of it."""

    type: FhirConcept = Field(description="what it says")
    valueCodeableConcept: FhirConcept = Field(description="the outcome")


class _RequestIn(In):
    resourceType: Literal["ServiceRequest"] = Field(description="what it is", examples=["ServiceRequest"])
    id: Literal["request"] = Field(description="its id in the Task", examples=["request"])
    status: Word = Field(description="its status", examples=["active"])
    intent: Word = Field(description="its intent", examples=["order"])
    priority: Word | None = Field(default=None, description="how urgent it is", examples=["urgent"])
    subject: FhirReference = Field(description="the child, by an opaque identifier")


class FhirRequestR4In(_RequestIn):
    """What is asked for, in R4."""

    code: FhirConcept | None = Field(default=None, description="the service")
    reasonCode: Annotated[list[FhirConcept], Field(max_length=4)] = Field(default_factory=list, description="why")


class FhirRequestR5In(_RequestIn):
    """What is asked for, in R5."""

    code: FhirReason | None = Field(default=None, description="the service")
    reason: Annotated[list[FhirReason], Field(max_length=4)] = Field(default_factory=list, description="why")


class _TaskIn(In):
    resourceType: Literal["Task"] = Field(description="what it is", examples=["Task"])
    id: Value = Field(description="your id of it", examples=["8165ff68-e406-4258-bb77-004b1f148290"])
    meta: FhirMeta = Field(description="which version it is")
    identifier: Annotated[list[FhirIdentifier], Field(max_length=8)] = Field(
        default_factory=list, description="ours among them, if it is a referral of ours"
    )
    extension: Annotated[list[FhirExtension], Field(max_length=1)] = Field(
        default_factory=list, description="on which basis the data is shared"
    )
    status: Word = Field(description="Task.status", examples=["accepted"])
    businessStatus: FhirConcept | None = Field(default=None, description="our exact state")
    intent: Literal["order"] = Field(description="always order", examples=["order"])
    priority: Word | None = Field(default=None, description="how urgent it is", examples=["urgent"])
    code: FhirConcept | None = Field(default=None, description="fulfill, and our kind")
    focus: FhirReference | None = Field(default=None, description="the contained request")
    for_: FhirReference | None = Field(default=None, alias="for", description="the child, by an opaque identifier")
    groupIdentifier: FhirIdentifier | None = Field(default=None, description="our case; needed for what is new")
    partOf: Annotated[list[FhirReference], Field(max_length=1)] = Field(
        default_factory=list, description="the referral that it is a part of"
    )
    authoredOn: At | None = Field(default=None, description="when it was made")
    lastModified: At = Field(description="when it changed last")
    executionPeriod: FhirPeriod | None = Field(default=None, description="from acceptance to end")
    requester: FhirReference | None = Field(default=None, description="who asks")
    owner: FhirReference | None = Field(default=None, description="who is asked")
    restriction: FhirRestriction | None = Field(default=None, description="when the answer is due")
    note: Annotated[list[FhirAnnotation], Field(max_length=8)] = Field(
        default_factory=list, description="what people said; of several the last one is new"
    )
    output: Annotated[list[FhirOutput], Field(max_length=4)] = Field(default_factory=list, description="the outcome")


class FhirTaskR4In(_TaskIn):
    """A Task of R4, of the fields that may be exchanged."""

    statusReason: FhirConcept | None = Field(default=None, description="why it stands there")
    contained: Annotated[list[FhirRequestR4In], Field(max_length=1)] = Field(
        default_factory=list, description="what is asked for"
    )


class FhirTaskR5In(_TaskIn):
    """A Task of R5, of the fields that may be exchanged."""

    statusReason: FhirReason | None = Field(default=None, description="why it stands there")
    contained: Annotated[list[FhirRequestR5In], Field(max_length=1)] = Field(
        default_factory=list, description="what is asked for"
    )


def read(body: FhirTaskR4In | FhirTaskR5In) -> list[Told]:
    """Return what a Task says."""
    asked = body.contained[0] if body.contained else None
    named = {each.system.removeprefix(IDS): each.value for each in body.identifier if each.system.startswith(IDS)}
    exact, foreign = _exact(body)
    priority = body.priority or (asked.priority if asked else None)
    said = {MapList.STATE: body.status, MapList.URGENCY: priority} | foreign
    places = {of: f"/{name}" for of, name in _PLACES.items()}
    return [Told(
        door=Door.FHIR_R4 if isinstance(body, FhirTaskR4In) else Door.FHIR_R5, partner_id=body.id,
        version=body.meta.versionId, changed_at=body.lastModified,
        theirs={of: word for of, word in said.items() if word is not None}, exact=exact,
        why=_word(_concept(body.statusReason)), at=places, referral_id=named.get("referral"),
        case_id=_id(body.groupIdentifier, "case"), child_id=_id(body.for_, "child"),
        sender=_id(body.requester, "agency"), recipient=_id(body.owner, "agency"),
        parent_id=_id(body.partOf[0], "referral") if body.partOf else None,
        note=body.note[-1].text if body.note else None,
    )]  # fmt: skip


_PLACES: dict[MapList | str, str] = {
    MapList.STATE: "status", MapList.URGENCY: "priority", MapList.SERVICE: "contained/0/code", MapList.KIND: "code",
    MapList.REASON: "contained/0/reason", MapList.LAWFUL_BASIS: "extension/0/valueCode", MapList.AGENCY: "owner",
    MapList.OUTCOME: "output", "why": "statusReason", "case": "groupIdentifier",
}  # fmt: skip


def _exact(body: FhirTaskR4In | FhirTaskR5In) -> tuple[dict[MapList, str], dict[MapList, str]]:
    """Return our exact codes, and the codes of other systems where ours were to stand."""
    exact: dict[MapList, str] = {}
    foreign: dict[MapList, str] = {}
    asked = body.contained[0] if body.contained else None
    reasons: list[Any] = []
    if isinstance(asked, FhirRequestR4In):
        reasons = list(asked.reasonCode)
    elif asked is not None:
        reasons = [each.concept for each in asked.reason]
    service = _concept(asked.code) if asked is not None else None
    concepts = [body.businessStatus, body.code, _concept(body.statusReason), service, *reasons]
    for each in [*concepts, *(output.valueCodeableConcept for output in body.output)]:
        for coding in each.coding if each else ():
            if (of := coding.system.removeprefix(CODES)) in _LISTS and coding.system.startswith(CODES):
                exact[_LISTS[of]] = coding.code
    for basis in body.extension:
        exact[MapList.LAWFUL_BASIS] = basis.valueCode
    for of, concept in ((MapList.SERVICE, service), (MapList.REASON, reasons[0] if reasons else None)):
        if of not in exact and (word := _word(concept)) is not None:
            foreign[of] = word
    return exact, foreign


_LISTS = {each.value: each for each in MapList}


def _concept(given: FhirConcept | FhirReason | None) -> FhirConcept | None:
    return given.concept if isinstance(given, FhirReason) else given


def _word(concept: FhirConcept | None) -> str | None:
    """Return a code of another system than ours, as the mapping writes one."""
    for coding in concept.coding if concept else ():
        if not coding.system.startswith(CODES):
            return f"{coding.system}|{coding.code}"
    return None


def _id(given: FhirReference | FhirIdentifier | None, of: str) -> str | None:
    found = given.identifier if isinstance(given, FhirReference) else given
    return found.value if found is not None and found.system == f"{IDS}{of}" else None


def again(door: Door, body: bytes) -> list[Told]:
    """Return what a Task that was kept says. Raises pydantic's ValidationError."""
    shape: Any = FhirTaskR4In if door is Door.FHIR_R4 else FhirTaskR5In
    return read(shape.model_validate_json(body, strict=True))
