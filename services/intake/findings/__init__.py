"""What the Procuraduría finds of a carer, and what permits follow from it."""
