"""The migration procedure (PAM) of a child, which begins after the Procuraduría knows of the child."""
