"""What people say in their own words about a referral: sealed by the service's vault, opened only to be shown."""

from services.referral.referrals.models import Referral
from shared.crypto import Vault

NOTE, ANSWER, CONTACT = "referral_note", "referral_answer", "referral_contact"


def seal(vault: Vault | None, place: str, referral_id: str, text: str | None) -> bytes | None:
    """Return a text sealed for its place, or nothing where nothing is said."""
    if text is None:
        return None
    if vault is None:
        raise LookupError("A note is only kept sealed.")
    return vault.seal(text.encode(), place, referral_id)


def _open(vault: Vault, place: str, referral_id: str, sealed: bytes | None, plain: str | None) -> str | None:
    return vault.open(sealed, place, referral_id).decode() if sealed is not None else plain


def words(vault: Vault, referral: Referral) -> dict[str, str | None]:
    """Return what was said, in plain words. Notes of before 0.4.0 were never sealed."""
    return {
        "note": _open(vault, NOTE, referral.id, referral.sealed_note, referral.note),
        "answer_note": _open(vault, ANSWER, referral.id, referral.sealed_answer, referral.answer_note),
        "safe_contact": _open(vault, CONTACT, referral.id, referral.sealed_contact, None),
    }
