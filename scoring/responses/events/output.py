"""The list of a response's items, and the events that tell of a whole one."""

from typing import Any

from scoring.responses.events.writing import Event, Told, Writer

Item = dict[str, Any]


class Output:
    """The items of one response in their order; those that have begun and not ended are `open`."""

    def __init__(self, items: list[Item], writer: Writer) -> None:
        self.items = items
        self.writer = writer
        self.open: list[Item] = []

    def add(self, item: Item) -> list[Event]:
        """Put an item behind the others; return `response.output_item.added`."""
        self.items.append(item)
        self.open.append(item)
        return [self._whole("added", item)]

    def tell(self, item: Item, told: list[Told]) -> list[Event]:
        """Return events about an item, with its place put in."""
        place = {"item_id": item["id"], "output_index": self.index_of(item)}
        return [self.writer.event(kind, {**place, **members}) for kind, members in told]

    def done(self, item: Item) -> list[Event]:
        """Return `response.output_item.done` of an item that stands as it will stay."""
        self.open = [one for one in self.open if one is not item]
        return [self._whole("done", item)]

    def index_of(self, item: Item) -> int:
        """Return the `output_index` of an item, the newest ones being asked most."""
        return next(at for at in range(len(self.items) - 1, -1, -1) if self.items[at] is item)

    def _whole(self, what: str, item: Item) -> Event:
        members = {"output_index": self.index_of(item), "item": item}
        return self.writer.event(f"response.output_item.{what}", members)
