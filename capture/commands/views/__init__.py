"""What the verbs answer with, computed before anything is drawn."""
