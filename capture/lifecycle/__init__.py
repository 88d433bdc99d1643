"""What became of every signal: states, records, the audit log, and delivery to other systems."""
