"""The rules for tags in a spec, so that Azure accepts them and gatelift can tell its own from those of others.

Source: https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations
"""

from typing import Annotated

from infra.spec.names import RuleBroken, checked_by

Tags = dict[str, str]
TAGS_OF_OURS = ("gatelift", "gatelift_tags", "gatelift_previous")
MOST_TAGS = 50 - len(TAGS_OF_OURS)
LONGEST_NAME, LONGEST_VALUE = 512, 256
FORBIDDEN = "<>%&\\?/"


def spec_tags(tags: Tags) -> Tags:
    """The tags; none may be gatelift's own or contain a comma, which separates the names in `gatelift_tags`."""
    for name, value in tags.items():
        if name.lower() in TAGS_OF_OURS:
            raise RuleBroken(f"the tag {name} is gatelift's own", "choose another name")
        if not name or "," in name:
            raise RuleBroken(f"the tag name {name!r} is empty or contains a comma", "choose another name")
        if len(name) > LONGEST_NAME or len(value) > LONGEST_VALUE:
            limits = f"a name may have {LONGEST_NAME} characters, a value {LONGEST_VALUE}"
            raise RuleBroken(f"tag {name[:40]}: {limits}", "shorten it")
    return tags


def resource_tags(tags: Tags) -> Tags:
    """Tags of an Azure resource: at most 50 with gatelift's own, and no two names that differ only in case."""
    seen: dict[str, str] = {}
    for name in spec_tags(tags):
        if wrong := [character for character in FORBIDDEN if character in name]:
            raise RuleBroken(f"the tag name {name!r} contains {wrong[0]!r}", f"Azure forbids {' '.join(FORBIDDEN)}")
        if other := seen.get(name.lower()):
            raise RuleBroken(f"Azure does not distinguish the tags {other} and {name}", "delete one of them")
        seen[name.lower()] = name
    if len(tags) > MOST_TAGS:
        raise RuleBroken(f"{len(tags)} tags are more than {MOST_TAGS}", "Azure allows 50, and gatelift adds three")
    if len(",".join(tags)) > LONGEST_VALUE:
        message = f"the tag names have more than {LONGEST_VALUE} characters in total"
        raise RuleBroken(message, "shorten them: gatelift stores the names of its tags in one tag")
    return tags


def catalog_tags(tags: Tags) -> Tags:
    """Tags of a catalog entry; the tag `invisibleUntil` is written as the field `invisible_until` instead."""
    if "invisibleUntil" in tags:
        message = "the tag invisibleUntil is set through catalog.invisible_until"
        raise RuleBroken(message, "write it there: `invisible_until: TIME`")
    return spec_tags(tags)


ResourceTags = Annotated[Tags, checked_by(resource_tags)]
CatalogTags = Annotated[Tags, checked_by(catalog_tags)]
