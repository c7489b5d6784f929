"""Waymark finds the handler for a path."""

from waymark.routing import Match, MethodNotAllowed, NotFound, Router

__all__ = ["Match", "MethodNotAllowed", "NotFound", "Router"]
