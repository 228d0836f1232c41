"""The rules that the machine of cases enforces, with their sources. Pure."""

from shared.catalogue import Text
from shared.law import Rule

NOTICE = Rule(
    "R4",
    Text(
        "A case leaves DETECTED only when the Procuraduría has acknowledged the notice.",
        "Un caso sale de DETECTED sólo cuando la Procuraduría acusó recibo del aviso.",
    ),
    "Ley de Migración, art. 112, fr. I",
)
HANDOVER = Rule(
    "R6",
    Text(
        "A child is handed over by an acta that holds the notice to the Procuraduría and the recipient at DIF; "
        "it is signed and final.",
        "La entrega se hace por un acta que contiene el aviso a la Procuraduría y quién recibe en el DIF; "
        "es firmada y definitiva.",
    ),
    "Ley de Migración, art. 112, fr. I and II (and 95, 98); signature and finality are a design decision",
)
MEASURE = Rule(
    "R11",
    Text(
        "Nobody enters a social assistance centre without a live urgent or special protection measure.",
        "Nadie ingresa a un centro de asistencia social sin una medida urgente o especial de protección vigente.",
    ),
    "LGDNNA, art. 122, fr. VI and VII; agreement of SNDIF and Veracruz, 2021 (Al Calor Político, note 337123)",
)
RETURNS = Rule(
    "R21",
    Text(
        "A return needs a plan that allows it, an assessment of danger, the child's view, no pending claim or appeal, "
        "an escort and a receiving authority.",
        "El retorno requiere un plan que lo permita, evaluación de riesgos, la opinión de la niña o niño, que no haya "
        "solicitud ni recurso pendiente, acompañamiento y autoridad receptora.",
    ),
    "Ley de Migración, art. 74, 112, fr. III, and 120; LGDNNA, art. 96 and 97",
)
PLAN = Rule(
    "R25",
    Text(
        "A case ends only when every item of its plan is met or reasoned, with a supervisor's approval by another "
        "officer than the one who asked.",
        "Un caso se cierra sólo cuando cada medida del plan está cumplida o razonada, con aprobación de quien "
        "supervisa y que no sea quien lo pidió.",
    ),
    "LGDNNA, art. 123, fr. VI; the supervisor's approval after Primero and CPIMS+ (design decision)",
)
REPRESENTED = Rule(
    "R26",
    Text(
        "Representation is never empty: a legal representative, or the Procuraduría en suplencia; "
        "the Procuraduría is coadyuvante always.",
        "La representación nunca está vacía: representante legal o la Procuraduría en suplencia; "
        "la Procuraduría es siempre coadyuvante.",
    ),
    "LGDNNA, art. 106 and 122, fr. II",
)
HEARD = Rule(
    "R27",
    Text(
        "The child's view, what was explained and in which language are on record before the determination and the "
        "plan are signed.",
        "La opinión de la niña o niño, lo que se le explicó y en qué lengua constan antes de firmar la determinación y "
        "el plan.",
    ),
    "LGDNNA, art. 71 to 74 and 92, fr. IV",
)
DETERMINED = Rule(
    "LGDNNA123",
    Text(
        "The plan of restitution follows from the signed determination of the child's best interests, and is signed "
        "before it is carried out.",
        "El plan de restitución resulta de la determinación firmada del interés superior y se firma "
        "antes de ejecutarse.",
    ),
    "LGDNNA, art. 123, fr. I to IV",
)
RECOGNITION = Rule(
    "LRPCAP24",
    Text(
        "Only the commission's resolution that grants it leads to this outcome.",
        "A este resultado sólo conduce la resolución de la comisión que lo otorga.",
    ),
    "LRPCAP, art. 24 and 25",
)
MAJORITY = Rule(
    "R38",
    Text(
        "Turning 18 opens the tasks of stage 4 ahead of time, moves nobody out and never drops a pending claim.",
        "Cumplir 18 años abre con anticipación las tareas de la etapa 4, no desplaza a nadie y nunca extingue una "
        "solicitud pendiente.",
    ),
    "Ruta (SIPINNA 2019), stage 4; LGDNNA, art. 106; the time ahead is a design decision",
    verified=False,
)
PENDING = Rule(
    "R38-PENDING",
    Text(
        "No case ends while a claim or an appeal is pending, whatever the child's age.",
        "Ningún caso se cierra mientras haya una solicitud o un recurso pendiente, cualquiera que sea la edad.",
    ),
    "LRPCAP, art. 7 and 25; LGDNNA, art. 106",
)
TERRITORY = Rule(
    "R37",
    Text(
        "INM and the Procuraduría of a state see the cases of that state; others, those they take part in.",
        "El INM y la Procuraduría de un estado ven los casos de ese estado; los demás, aquellos en que participan.",
    ),
    "LGPDPPSO, art. 25-27; the division is a design decision",
    verified=False,
)
RULES = (
    NOTICE, HANDOVER, MEASURE, RETURNS, PLAN, REPRESENTED, HEARD, DETERMINED, RECOGNITION, MAJORITY, PENDING,
    TERRITORY,
)  # fmt: skip
