"""The store: runs, base data stored once, manifests, a catalogue, and what keeps them true."""
