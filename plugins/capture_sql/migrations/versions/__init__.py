"""One file per version; each says what is different from the one before."""
