"""One meaning of a portfolio: its settings, its arithmetic, and its replay over signals alone."""
