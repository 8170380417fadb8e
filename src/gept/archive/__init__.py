"""Closed days as Parquet files with a manifest each: verified before they are believed; and back.

Nothing here is imported by what collects: Parquet costs more memory than all of that.
"""
