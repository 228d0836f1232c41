"""Referrals: what one agency asks of another, and the answer that every one of them ends in."""
