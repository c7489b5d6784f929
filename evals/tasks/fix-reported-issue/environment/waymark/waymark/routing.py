"""The router: routes and mounted routers, in the order in which they were added."""

from dataclasses import dataclass

from waymark.pattern import Pattern, split


class NotFound(LookupError):
    """No route has such a path."""


class MethodNotAllowed(Exception):
    """There are routes with such a path, but not for this method; `allowed` has those that there are, sorted."""

    def __init__(self, allowed):
        super().__init__(", ".join(allowed))
        self.allowed = allowed


@dataclass(frozen=True)
class Match:
    """What answers, and the values of the pattern's parameters."""

    handler: object
    parameters: dict


@dataclass(frozen=True)
class _Route:
    pattern: Pattern
    handler: object
    methods: frozenset
    name: str | None
    when: object


@dataclass(frozen=True)
class _Mount:
    pattern: Pattern
    router: object
    name: str | None


class Router:
    """See the README."""

    def __init__(self):
        self._entries = []

    def add(self, pattern, handler, methods=("GET",), name=None, when=None):
        methods = {method.upper() for method in methods}
        if "GET" in methods:
            methods.add("HEAD")
        self._entries.append(_Route(Pattern(pattern), handler, frozenset(methods), name, when))

    def mount(self, prefix, router, name=None):
        pattern = Pattern(prefix)
        if pattern.rest:
            raise ValueError(f"{prefix!r} can not be a prefix")
        self._entries.append(_Mount(pattern, router, name))

    def remove(self, pattern):
        kept = [entry for entry in self._entries if entry.pattern.text != pattern]
        if len(kept) == len(self._entries):
            raise KeyError(pattern)
        self._entries = kept

    def match(self, method, path):
        allowed = set()
        for route, parameters in self._candidates(split(path)):
            if method.upper() in route.methods and (route.when is None or route.when(path)):
                return Match(route.handler, parameters)
            allowed |= route.methods
        if allowed:
            raise MethodNotAllowed(sorted(allowed))
        raise NotFound(path)

    def _candidates(self, segments):
        for entry in self._entries:
            found = entry.pattern.match(segments)
            if found is None:
                continue
            parameters, left = found
            if isinstance(entry, _Mount):
                for route, inner in entry.router._candidates(left) if left else ():
                    yield route, {**parameters, **inner}
            elif not left:
                yield entry, parameters

    def routes(self):
        found = []
        for entry in self._entries:
            if isinstance(entry, _Mount):
                found += [entry.pattern.text + pattern for pattern in entry.router.routes()]
            else:
                found.append(entry.pattern.text)
        return found

    def url(self, name, /, **values):
        for path in self._urls(name, values, set()):
            return path
        raise KeyError(name)

    def _urls(self, name, values, filled):
        outer, _, inner = name.partition(":")
        for entry in self._entries:
            if isinstance(entry, _Mount):
                if inner and entry.name == outer and entry.pattern.parameters <= set(values):
                    for path in entry.router._urls(inner, values, filled | entry.pattern.parameters):
                        yield entry.pattern.fill(values) + path
            elif entry.name == name and entry.pattern.parameters | filled == set(values):
                yield entry.pattern.fill(values)
