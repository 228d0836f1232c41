"""What our codes are called, in two languages: for readers of the mapping. Pure."""

from collections.abc import Mapping
from typing import Any

from services.referral.agencies.rules import SERVICES
from services.referral.interop.rules import MapList
from services.referral.referrals import codes
from services.referral.referrals.rules import ReferralKind, State
from services.referral.transfers import rules as transfers
from services.referral.transfers.rules import TransferState
from shared.catalogue import Text

STATES: Mapping[State, Text] = {
    State.SENT: Text("Sent", "Enviada"),
    State.RECEIVED: Text("Received", "Recibida"),
    State.ACCEPTED: Text("Accepted", "Aceptada"),
    State.WORKING: Text("Under way", "En curso"),
    State.ON_HOLD: Text("On hold", "En pausa"),
    State.UNDELIVERABLE: Text("Could not be delivered", "No se pudo entregar"),
    State.DECLINED: Text("Declined", "Declinada"),
    State.COMPLETED: Text("Completed", "Concluida"),
    State.NOT_ACHIEVED: Text("Not achieved", "No lograda"),
    State.WITHDRAWN: Text("Withdrawn", "Retirada"),
    State.EXPIRED: Text("Expired", "Caducada"),
    State.ENTERED_IN_ERROR: Text("Entered in error", "Registrada por error"),
}
KINDS: Mapping[ReferralKind, Text] = {
    ReferralKind.PP_NOTICE: Text("Notice to the Procuraduría", "Aviso a la Procuraduría"),
    ReferralKind.DIF_HANDOVER: Text("Hand-over to DIF", "Canalización al DIF"),
    ReferralKind.COMAR_NOTICE: Text("Notice to COMAR", "Aviso a la COMAR"),
    ReferralKind.MP_NOTICE: Text("Notice to the prosecution", "Aviso al Ministerio Público"),
    ReferralKind.PP_VERIFY: Text("Verification by the Procuraduría", "Verificación por la Procuraduría"),
    ReferralKind.PP_FIND: Text("The Procuraduría finds somebody", "La Procuraduría busca quien atienda"),
    ReferralKind.SERVICE: Text("A service that is asked for", "Un servicio solicitado"),
}
TRANSFER_STATES: Mapping[TransferState, Text] = {
    TransferState.PROPOSED: Text("Proposed", "Propuesto"),
    TransferState.ACCEPTED: Text("Accepted", "Aceptado"),
    TransferState.DEPARTED: Text("On its way", "En camino"),
    TransferState.ARRIVED: Text("Arrived", "Llegó"),
    TransferState.NOT_ARRIVED: Text("Not arrived", "No llegó"),
    TransferState.DECLINED: Text("Declined", "Declinado"),
    TransferState.WITHDRAWN: Text("Withdrawn", "Retirado"),
}
TEXTS: Mapping[MapList, Mapping[Any, Text]] = {
    MapList.STATE: STATES,
    MapList.KIND: KINDS,
    MapList.SERVICE: {each: coded.text for each, coded in SERVICES.items()},
    MapList.URGENCY: codes.URGENCIES,
    MapList.REASON: codes.REASONS,
    MapList.LAWFUL_BASIS: codes.BASES,
    MapList.DECLINE_REASON: codes.DECLINE_REASONS,
    MapList.HOLD_REASON: codes.HOLD_REASONS,
    MapList.OUTCOME: codes.OUTCOMES,
    MapList.NOT_ACHIEVED_REASON: codes.NOT_ACHIEVED_REASONS,
    MapList.WITHDRAW_REASON: codes.WITHDRAW_REASONS,
    MapList.ERROR_REASON: codes.ERROR_REASONS,
    MapList.TRANSFER_STATE: TRANSFER_STATES,
    MapList.TRANSFER_REFUSAL: transfers.REFUSALS,
    MapList.TRANSFER_WITHDRAWAL: transfers.WITHDRAWALS,
}


def text(of: MapList, ours: str | None) -> Text | None:
    """Return what a code of ours is called; the bodies of the directory have their names there."""
    return TEXTS.get(of, {}).get(ours)
