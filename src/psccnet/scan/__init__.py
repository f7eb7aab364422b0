"""Millions of pictures: sources that are listed as a stream, results in Parquet, scans that go on where they were."""
