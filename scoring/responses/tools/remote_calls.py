"""Calls of tools on MCP servers: those that are made from here, and those that somebody has to approve before."""

from scoring.responses.tools.calls import Call, Told
from scoring.responses.tools.offered import Offered

ARGUMENTS = "response.mcp_call_arguments"


class RemoteCall(Call):
    """A call that is made when its arguments are whole; its item waits for what it returns."""

    PREFIX = "mcp"
    TYPE = "mcp_call"

    def __init__(self, offered: Offered, item_id: str, call_id: str, approval: str | None = None) -> None:
        super().__init__(offered, item_id, call_id)
        del self.item["call_id"]
        self.item["approval_request_id"] = approval
        self._begun = False

    def feed(self, piece: str) -> Told:
        """Take a piece of the arguments."""
        told = self._begin()
        if not piece:
            return told
        self._pieces.append(piece)
        return [*told, (f"{ARGUMENTS}.delta", {"delta": piece})]

    def end(self, status: str) -> Told:
        """Return the events that tell the arguments; if they are whole, the item waits."""
        told = self.feed("" if self._pieces or status != "completed" else "{}")
        self.item["arguments"] = "".join(self._pieces)
        self.waits = status == "completed"
        if not self.waits:
            self.item["status"] = status
        return [*told, (f"{ARGUMENTS}.done", {"arguments": self.item["arguments"]})]

    def returned(self, output: str | None, error: str | None) -> Told:
        """Return the event that tells that it has been made; the item is complete then."""
        self.waits = False
        self.item |= {"output": output, "error": error, "status": "completed" if error is None else "failed"}
        return [(f"response.mcp_call.{self.item['status']}", {})]

    def _begin(self) -> Told:
        begun, self._begun = self._begun, True
        return [] if begun else [("response.mcp_call.in_progress", {})]

    def _empty(self) -> dict[str, object]:
        return {**self.offered.declared, "arguments": "", "output": None, "error": None}


class ApprovalRequest(Call):
    """A call that is not made before a client approves it: an `mcp_approval_response` names this item."""

    PREFIX = "mcpr"
    TYPE = "mcp_approval_request"

    def __init__(self, offered: Offered, item_id: str, call_id: str) -> None:
        super().__init__(offered, item_id, call_id)
        del self.item["call_id"], self.item["status"]

    def feed(self, piece: str) -> Told:
        """Take a piece of the arguments."""
        self._pieces.append(piece)
        return []

    def end(self, status: str) -> Told:
        """Complete the item."""
        self.item["arguments"] = "".join(self._pieces) or "{}"
        return []

    def _empty(self) -> dict[str, object]:
        return {**self.offered.declared, "arguments": ""}
