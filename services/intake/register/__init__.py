"""What SNDIF's register of unaccompanied children from abroad takes from intake (LGDNNA 99)."""
