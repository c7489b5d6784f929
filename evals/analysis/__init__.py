"""Reads the folders of jobs that have been run: comparisons, reports, trials shown and exported; changes none."""
