"""What a spec's tags must keep so that Azure takes them and gatelift can tell its own from those of others.

Source: https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations
"""

from typing import Annotated

from infra.spec.names import RuleBroken, following

Tags = dict[str, str]
TAGS_OF_OURS = ("gatelift", "gatelift_tags", "gatelift_previous")
MOST_TAGS = 50 - len(TAGS_OF_OURS)
LONGEST_NAME, LONGEST_VALUE = 512, 256
FORBIDDEN = "<>%&\\?/"


def spec_tags(tags: Tags) -> Tags:
    """Tags of anything: none of ours, and no comma, which separates the names in `gatelift_tags`."""
    for name, value in tags.items():
        if name.lower() in TAGS_OF_OURS:
            raise RuleBroken(f"the tag {name} is gatelift's own", "choose another name")
        if not name or "," in name:
            raise RuleBroken(f"the tag name {name!r} is empty or has a comma in it", "choose another name")
        if len(name) > LONGEST_NAME or len(value) > LONGEST_VALUE:
            limits = f"names have at most {LONGEST_NAME} characters, values {LONGEST_VALUE}"
            raise RuleBroken(f"tag {name[:40]}: {limits}", "shorten it")
    return tags


def resource_tags(tags: Tags) -> Tags:
    """Tags of an Azure resource, where names are the same in any case and gatelift's own count, too."""
    seen: dict[str, str] = {}
    for name in spec_tags(tags):
        if wrong := [character for character in FORBIDDEN if character in name]:
            raise RuleBroken(f"the tag name {name!r} has {wrong[0]!r} in it", f"Azure forbids {' '.join(FORBIDDEN)}")
        if other := seen.get(name.lower()):
            raise RuleBroken(f"the tags {other} and {name} are one on Azure", "take one of them out")
        seen[name.lower()] = name
    if len(tags) > MOST_TAGS:
        raise RuleBroken(f"{len(tags)} tags are more than {MOST_TAGS}", "Azure takes 50, and three are gatelift's own")
    if len(",".join(tags)) > LONGEST_VALUE:
        message = f"the names of the tags have more than {LONGEST_VALUE} characters together"
        raise RuleBroken(message, "shorten them: gatelift notes the names of its tags in one tag")
    return tags


def catalog_tags(tags: Tags) -> Tags:
    """Tags of a model in the catalogue, where the moment of its appearance is one on Azure and a field here."""
    if "invisibleUntil" in tags:
        message = "invisibleUntil is written as catalog.invisible_until"
        raise RuleBroken(message, "move it there: `invisible_until: <moment>`")
    return spec_tags(tags)


ResourceTags = Annotated[Tags, following(resource_tags)]
CatalogTags = Annotated[Tags, following(catalog_tags)]
