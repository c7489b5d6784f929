"""When a meeting room is free.

Times are whole minutes since midnight. A span is a tuple (start, end): it holds every moment from start up to, and not
including, end.
"""


def free_slots(bookings, opening, closing, minimum=1):
    """Return the spans in which the room is free, as a list of tuples, earliest first.

    - A moment is free when it lies between `opening` and `closing` and in no booking. Each span is as long as it can be: two spans
      of the result never touch.
    - `bookings` is an iterable of spans in any order, which may overlap, touch, repeat or contain each other, and reach, or lie wholly,
      outside the opening hours. A booking whose start is its end takes no time: it splits nothing.
    - Only spans of at least `minimum` minutes count. `minimum` may be 0; an empty span is never returned.
    - `bookings` itself is left as it is.
    - Raises ValueError when a booking ends before it starts, wherever it lies, or when `closing` is before `opening`.
    """
    if closing < opening:
        raise ValueError(f"closing {closing} is before opening {opening}")
    slots = []
    free_from = opening
    for start, end in sorted(bookings):
        if end < start:
            raise ValueError(f"a booking ends at {end}, before it starts at {start}")
        if start == end or end <= opening or start >= closing:
            continue
        if start > free_from:
            slots.append((free_from, start))
        free_from = end
    if free_from < closing:
        slots.append((free_from, closing))
    return [(start, end) for start, end in slots if end - start >= minimum]
