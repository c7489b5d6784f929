def none(values):
    """Everything stays as it is."""
    return values


def positive(values):
    """What is below zero is left out."""
    return [value for value in values if value >= 0]
