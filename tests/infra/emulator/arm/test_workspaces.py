"""Workspaces: what may be changed in place."""

from typing import Any


def test_tags_and_texts_of_a_workspace_change_in_place(arm: Any) -> None:
    before = arm("GET", arm.lab).json()
    changed = arm("PATCH", arm.lab, {"tags": {"team": "ours"}, "properties": {"friendlyName": "the lab"}})
    assert changed.status_code == 200, changed.text
    after = arm("GET", arm.lab).json()
    assert (after["tags"], after["properties"]["friendlyName"]) == ({"team": "ours"}, "the lab")
    assert after["properties"]["discoveryUrl"] == before["properties"]["discoveryUrl"]
    assert arm("PATCH", arm.lab, {"tags": before.get("tags") or {}}).json()["tags"] == (before.get("tags") or {})
    assert arm("PATCH", f"{arm.lab}x", {"tags": {}}).status_code == 404
