"""Tests of tidegauge."""
