"""Results of studies: tables in Parquet, events in lines of JSON, an index in SQLite."""
