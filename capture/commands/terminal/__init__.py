"""Drawing for people, on a terminal or into a pipe, and documents for programs."""
