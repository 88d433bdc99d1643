"""The write-ahead journal: what was accepted is on disk before the caller goes on."""

from capture.journal.following import Following, flags_of_fills
from capture.journal.layout import (
    NULL_FLOAT,
    NULL_INT,
    NULL_SMALL,
    NULL_WORD,
    Derived,
    Face,
    Field,
    Kind,
    Layout,
)
from capture.journal.reader import JournalContent, read_journal, read_seqs
from capture.journal.writer import Block, Journal

__all__ = [
    "NULL_FLOAT",
    "NULL_INT",
    "NULL_SMALL",
    "NULL_WORD",
    "Block",
    "Derived",
    "Face",
    "Field",
    "Following",
    "Journal",
    "JournalContent",
    "Kind",
    "Layout",
    "flags_of_fills",
    "read_journal",
    "read_seqs",
]
