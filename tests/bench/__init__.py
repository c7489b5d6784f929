"""What Termstone costs beside plain Docker, as ratios from one run, and whether the targets are met: make bench.

Absolute times of a shared machine say little, so everything is measured in turn with what it is compared with.
"""
