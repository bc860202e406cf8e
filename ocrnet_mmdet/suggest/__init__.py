"""Which pictures to label next: those that a detector is unsure of and that are unlike the rest."""
