"""Studies: many parameter sets and portfolio settings, computed, stored, compared."""
