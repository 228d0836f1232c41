"""What intake gives of a child to the recipient of a referral, field by field, when referral asks for it."""
