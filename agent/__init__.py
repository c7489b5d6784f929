"""Decides what to type: the model, the action formats, the loop, the trajectory."""
