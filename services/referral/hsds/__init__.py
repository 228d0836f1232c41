"""The directory as other directories of human services read it: HSDS 3 (Open Referral)."""
