"""That the Procuraduría attended an adult who cares for a child, and the presentación that waits for it."""
