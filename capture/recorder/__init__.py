"""The recorder: takes events, journals them, and hands them to a backend in blocks."""
