"""What a router answers, by its README and the issue, or by its README alone: all routes are laid out flat and compared."""

import re
from urllib.parse import quote, unquote

PARAMETER = re.compile(r"<(?:(int|path):)?([a-z_]+)>")


def flat(world, router, before="", title=""):
    """The routes of a router and of all mounted in it: whole pattern, name with those of the mounts, and the rest."""
    for verb, pattern, *rest in world.get(router, ()):
        if verb == "add":
            handler, methods, name, says = rest
            yield before + pattern, name and title + name, handler, methods, says
        else:
            other, name = rest
            yield from flat(world, other, before + pattern, f"{title}{name or '?'}:")


def rank(segment):
    fixed = len(PARAMETER.sub("", segment))
    found = PARAMETER.findall(segment)
    if not found:
        return (0, 0)
    if fixed:
        return (1, -fixed)
    return ({"int": 2, "path": 4}.get(found[0][0], 3) if len(found) == 1 else 3, 0)


def fit(pattern, path):
    """The values of the parameters, or None."""
    wanted, segments, values = pattern[1:].split("/"), [unquote(it) for it in path[1:].split("/")], {}
    if wanted[-1].startswith("<path:"):
        rest = segments[len(wanted) - 1 :]
        if not any(rest):
            return None
        values[PARAMETER.fullmatch(wanted.pop())[2]] = "/".join(rest)
        segments = segments[: len(wanted)]
    if len(wanted) != len(segments):
        return None
    for segment, text in zip(wanted, segments):
        expression = re.escape(segment).replace("<int:", "<").replace(r"<int\:", "<")
        expression = re.sub(r"<([a-z_]+)>", lambda it: f"(?P<{it[1]}>.+?)", expression)
        for kind, name in PARAMETER.findall(segment):
            if kind == "int":
                expression = expression.replace(f"(?P<{name}>.+?)", f"(?P<{name}>[0-9]+)")
        found = re.fullmatch(expression, text, re.DOTALL)
        if found is None:
            return None
        kinds = {name: kind for kind, name in PARAMETER.findall(segment)}
        values.update((name, int(value) if kinds[name] else value) for name, value in found.groupdict().items())
    return values


def match(world, router, method, path, specific):
    candidates = [(pattern, fit(pattern, path), route) for pattern, _, *route in flat(world, router) if fit(pattern, path) is not None]
    if specific:
        candidates.sort(key=lambda it: [rank(segment) for segment in it[0][1:].split("/")])
    asked, allowed = [], set()
    for _, values, (handler, methods, says) in candidates:
        methods = {*methods, *(["HEAD"] if "GET" in methods else [])}
        allowed |= methods
        if method in methods:
            if says is not None:
                asked.append([handler, path])
            if says is not False:
                return [handler, values, asked]
    return ["MethodNotAllowed", sorted(allowed), asked] if candidates else ["NotFound", asked]


def url(world, router, name, values):
    for pattern, title, *_ in flat(world, router):
        if title == name and {it for _, it in PARAMETER.findall(pattern)} == set(values):
            return PARAMETER.sub(lambda it: quote(str(values[it[2]]), safe="/" if it[1] == "path" else ""), pattern)
    return ["KeyError"]


def answers(steps, specific):
    """What the steps of one scenario bring: with the rule of the issue, or with that of the README as it was."""
    world, found = {}, []
    for verb, router, *rest in steps:
        entries = world.setdefault(router, [])
        if verb in ("add", "mount"):
            entries.append((verb, *rest))
        elif verb == "remove":
            kept = [entry for entry in entries if entry[1] != rest[0]]
            if kept == entries:
                found.append(["KeyError"])
            world[router] = kept
        elif verb == "routes":
            found.append([pattern for pattern, *_ in flat(world, router)])
        elif verb == "url":
            found.append(url(world, router, *rest))
        else:
            found.append(match(world, router, *rest, specific))
    return found
