"""First cards of one's own model and data: what `audit-suite init` guesses, asks and writes."""
