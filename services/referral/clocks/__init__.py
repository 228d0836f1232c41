"""What is due: the clocks that referral runs, who sees them and who learns that one was missed."""
