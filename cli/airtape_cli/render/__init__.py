"""How the commands show what they found: as text, in colour on a terminal, or as JSON."""
