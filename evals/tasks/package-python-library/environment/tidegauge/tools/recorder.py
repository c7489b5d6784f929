"""Reads recorder files."""


def read(path):
    return [int(word) for word in path.read_text().split("\n", 1)[1].split()]
