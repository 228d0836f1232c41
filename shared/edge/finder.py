"""Finds the route of a request by the segments of its path, instead of trying one route after another.

A service has hundreds of routes; trying them in turn cost more than all the rest of a request that asks no database.
"""

from collections.abc import Iterable, Iterator

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send


class _Node:
    """One place of a path: what may follow it, by word or as a parameter, and the routes that end here."""

    __slots__ = ("any", "routes", "words")

    def __init__(self) -> None:
        self.words: dict[str, _Node] = {}
        self.any: _Node | None = None
        self.routes: list[tuple[int, Route]] = []


class Finder(BaseRoute):
    """Stands before the routes that it knows, and answers for them as a router would that tries each in its order.

    What it does not find, the router goes on to look for. Routes whose parameters may hold a `/` are none for it.
    """

    def __init__(self) -> None:
        self._root = _Node()
        self._count = 0

    def learn(self, routes: Iterable[BaseRoute]) -> None:
        """Take in routes, after those that it knows."""
        for route in routes:
            self._count += 1
            if not isinstance(route, Route) or ":path}" in route.path:
                continue
            node = self._root
            for part in route.path.split("/"):
                if "{" in part:
                    node.any = node.any or _Node()
                    node = node.any
                else:
                    node = node.words.setdefault(part, _Node())
            node.routes.append((self._count, route))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return how the first route that fits matches. One of another method fits when no other does."""
        partial: tuple[Match, Scope] = (Match.NONE, {})
        if scope["type"] != "http":
            return partial
        for route in self._candidates(scope["path"]):
            match, found = route.matches(scope)
            if match is Match.FULL:
                return match, found
            if match is Match.PARTIAL and partial[0] is Match.NONE:
                partial = match, found
        return partial

    def _candidates(self, path: str) -> Iterator[Route]:
        """Yield the routes with so many segments and such words, in the order in which they were learnt."""
        nodes = [self._root]
        for part in path.split("/"):
            following = []
            for node in nodes:
                if (word := node.words.get(part)) is not None:
                    following.append(word)
                if node.any is not None:
                    following.append(node.any)
            nodes = following
        found = [each for node in nodes for each in node.routes]
        found.sort(key=lambda each: each[0])
        return (route for _, route in found)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to the route that was found: it has named itself in the scope."""
        await scope["route"].handle(scope, receive, send)
