"""The four tools."""

from __future__ import annotations

from .tool import Tool

# A drag shorter than this, in pixels, is a slip of the hand.
SMALL = 3


def _spread(places: list) -> int:
    return min(max(p[axis] for p in places) - min(p[axis] for p in places) for axis in (0, 1))


class ClickTool(Tool):
    """A point, where the button is let go."""

    kind = "click"

    def outline(self, places: list) -> list:
        x, y = places[-1]
        return [(x - 4, y), (x + 4, y), (x, y), (x, y - 4), (x, y + 4)]


class ScribbleTool(Tool):
    """A stroke; a click makes a dot."""

    kind = "scribble"


class BoxTool(Tool):
    """A rectangle, from corner to corner."""

    kind = "box_2d"

    def outline(self, places: list) -> list:
        (x0, y0), (x1, y1) = places[0], places[-1]
        return [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]

    def is_complete(self, places: list) -> bool:
        return _spread([places[0], places[-1]]) >= SMALL


class LassoTool(Tool):
    """A closed curve."""

    kind = "lasso"

    def outline(self, places: list) -> list:
        return [*places, places[0]]

    def is_complete(self, places: list) -> bool:
        return len(places) >= 3 and _spread(places) >= SMALL


TOOLS = {tool.kind: tool for tool in (ClickTool, ScribbleTool, BoxTool, LassoTool)}
