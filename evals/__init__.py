"""Runs agents on tasks and scores what was really done."""
