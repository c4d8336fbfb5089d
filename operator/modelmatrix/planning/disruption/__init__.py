"""Between placement and actions: which changes of pods may go on now, and which wait."""
