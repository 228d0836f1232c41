"""Who reads what of the tables, and what their words are in two languages. Pure."""

from shared.catalogue import Text

EXACT_READERS = ("UPM", "INM", "DIF")
"""Whose federal offices read exact tables: UPM and INM publish them, SNDIF runs the register (LGDNNA 99)."""

DIMENSIONS: dict[str, tuple[Text, str]] = {
    "month": (Text("Month", "Mes"), "#date+month"),
    "nationality": (Text("Nationality", "Nacionalidad"), "#country+nationality+code"),
    "state": (Text("State", "Entidad"), "#adm1+code"),
    "age_group": (Text("Age", "Edad"), "#group+age+code"),
    "travel_condition": (Text("Travel condition", "Condición de viaje"), "#group+condition+code"),
    "sex": (Text("Sex", "Sexo"), "#group+sex+code"),
    "return_point": (Text("Point of repatriation", "Punto de repatriación"), "#loc+return+name"),
    "state_of_origin": (Text("State of origin", "Entidad de origen"), "#adm1+origin+code"),
    "returned_from": (Text("Returned from", "País que devuelve"), "#country+returned_from+code"),
}
"""What each dimension is called, and its HXL tag."""

COUNTRIES = ("nationality", "returned_from")
STATES = ("state", "state_of_origin")

CODES: dict[str, dict[str, Text]] = {
    "age_group": {"CHILD": Text("0 to 11", "0 a 11"), "ADOLESCENT": Text("12 to 17", "12 a 17")},
    "travel_condition": {
        "ACCOMPANIED": Text("accompanied", "con acompañante"),
        "SEPARATED": Text("separated", "separado"),
        "UNACCOMPANIED": Text("unaccompanied", "no acompañado"),
    },
    "sex": {"F": Text("female", "mujer"), "M": Text("male", "hombre"), "X": Text("X", "X")},
}
UNKNOWN = Text("unknown", "no especificado")

FACTS: dict[str, tuple[Text, str]] = {
    "events": (Text("Events", "Eventos"), "#indicator+events+num"),
    "persons": (Text("Persons", "Personas"), "#affected+persons+num"),
    "first_month": (Text("From", "Desde"), "#date+start"),
    "last_month": (Text("To", "Hasta"), "#date+end"),
    "cutoff": (Text("Cutoff", "Corte"), "#date+cutoff"),
    "provisional": (Text("Provisional", "Preliminar"), "#status+provisional"),
    "version": (Text("Version", "Versión"), "#meta+version"),
    "rule": (Text("Rule", "Regla"), "#meta+rule"),
    "source": (Text("Source", "Fuente"), "#meta+source"),
}
"""What stands beside every figure, and its HXL tag."""
