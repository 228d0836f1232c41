"""Who reads the feed of the register, and whom it is about (LGDNNA 99, R32). Pure."""

from services.intake.encounters.rules import EncounterKind, TravelCondition
from shared.catalogue import Text
from shared.law import Rule

REGISTER = Rule(
    "R32",
    Text(
        "SNDIF's register of unaccompanied children from abroad gets what intake knows of them, whenever it changes; "
        "nobody else does, and every reading is recorded.",
        "El registro del SNDIF de niñas, niños y adolescentes extranjeros no acompañados recibe lo que se sabe de "
        "ellos cada vez que cambia; nadie más, y cada lectura queda asentada.",
    ),
    "Ley General de los Derechos de Niñas, Niños y Adolescentes, arts. 99 and 100",
)
RULES = (REGISTER,)

READER = "DIF"
"""The kind of agency whose federal office, SNDIF, runs the register."""

KIND, CONDITION = EncounterKind.FOREIGN_MET, TravelCondition.UNACCOMPANIED
"""Whoever was met like this once is in the register: migrants from abroad who travel unaccompanied."""
