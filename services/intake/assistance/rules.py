"""What help is called. Pure."""

from enum import StrEnum


class AssistanceCode(StrEnum):
    """Immediate help by child-protection officers (INM practice; the codes are a design decision)."""

    HEALTH = "HEALTH"
    FOOD = "FOOD"
    CLOTHING = "CLOTHING"
    REST = "REST"
    HYGIENE = "HYGIENE"
    PHONE_CALL = "PHONE_CALL"
    INTERPRETER = "INTERPRETER"
    PSYCHOSOCIAL = "PSYCHOSOCIAL"
    INFO_RIGHTS = "INFO_RIGHTS"
    LEGAL = "LEGAL"
