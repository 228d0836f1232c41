"""Made-up children and how officers write them down: seeded, streaming, for measurements, the sandbox and tests."""

TUNING_SEED = 20260101
"""Whatever is fitted, by hand or by machine, is fitted to these children."""
HELD_OUT_SEED = 20261122
"""What is claimed is measured on these, which nothing was fitted to."""
