"""The kernel: everything that services and gateway share, and not one noun of the domain."""
