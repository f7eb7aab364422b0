"""Scan millions of pictures: sources are listed as a stream, results are written to Parquet, scans can be resumed."""
