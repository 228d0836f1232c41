"""Every code list of referral, published with its source."""
