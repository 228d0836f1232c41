"""Every code list of intake, published with its source."""
