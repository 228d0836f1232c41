"""What is said of an absence by code, in two languages. Pure."""

from services.referral.absences.rules import AbsenceEnd, AbsenceKind, Circumstances, Finding, FoundHow
from shared.catalogue import Text

KINDS = {
    AbsenceKind.LEFT_CARE: Text("Left care", "Abandonó el acogimiento"),
    AbsenceKind.MISSING: Text("Nobody knows where the child is", "Se desconoce su paradero"),
}
CIRCUMSTANCES = {
    Circumstances.LEFT_BY_ITSELF: Text("Left alone", "Se fue por su cuenta"),
    Circumstances.LEFT_WITH_FAMILY: Text("Left with family", "Se fue con familiares"),
    Circumstances.LEFT_WITH_STRANGER: Text("Left with a stranger", "Se fue con una persona desconocida"),
    Circumstances.DID_NOT_COME_BACK: Text("Did not come back", "No regresó"),
    Circumstances.LOST_ON_THE_WAY: Text("Lost during a transfer", "Se extravió en un traslado"),
    Circumstances.TAKEN_BY_FORCE: Text("Taken by force", "Fue llevada o llevado por la fuerza"),
    Circumstances.UNKNOWN: Text("Not known", "Se desconocen"),
}
FINDINGS = {
    Finding.NO_TRACE: Text("No trace", "Sin indicios"),
    Finding.TRACE: Text("A trace", "Hay indicios"),
    Finding.AUTHORITIES_INFORMED: Text("Authorities have been informed", "Se informó a las autoridades"),
    Finding.FAMILY_INFORMED: Text("The family has been informed", "Se informó a la familia"),
}
_FOUND = {
    "CAME_BACK": Text("Came back", "Regresó"),
    "FOUND_BY_AUTHORITY": Text("Found by an authority", "Localización por una autoridad"),
    "FOUND_WITH_FAMILY": Text("Found with the family", "Localización con su familia"),
    "FOUND_BY_CIVIL_SOCIETY": Text("Found by civil society", "Localización por la sociedad civil"),
}
FOUND = {each: _FOUND[each] for each in FoundHow}
ENDS = {AbsenceEnd(each): text for each, text in _FOUND.items()} | {
    AbsenceEnd.MET_AGAIN: Text("INM met the child again", "El INM tuvo un nuevo contacto"),
    AbsenceEnd.NOW_MISSING: Text("The child is now missing", "Ahora se desconoce su paradero"),
    AbsenceEnd.CASE_CLOSED: Text("The case was closed", "Se cerró el caso"),
}
