"""Tokens of the container's managed identity, by the two ways in which Azure's hosts give them."""

from collections.abc import Mapping

import httpx

from scoring.errors import WeightsMissing

STORAGE = "https://storage.azure.com/"
CLIENT_IDS = ("UAI_CLIENT_ID", "AZURE_CLIENT_ID")  # which of several user-assigned identities is meant


def identity_token(environ: Mapping[str, str], resource: str = STORAGE) -> str:
    """Return an access token; raises `WeightsMissing` without an identity, httpx's errors where it gives none."""
    if url := environ.get("IDENTITY_ENDPOINT"):
        headers = {"X-IDENTITY-HEADER": environ.get("IDENTITY_HEADER", "")}
        query, name = {"api-version": "2019-08-01", "resource": resource}, "client_id"
    elif url := environ.get("MSI_ENDPOINT"):
        headers = {"secret": environ.get("MSI_SECRET", "")}
        query, name = {"api-version": "2017-09-01", "resource": resource}, "clientid"
    else:
        raise WeightsMissing(
            "no managed identity here can read blob storage: neither IDENTITY_ENDPOINT nor MSI_ENDPOINT is set",
            hint="outside of Azure give the adapter's folder as `path`",
        )
    if client := next((environ[one] for one in CLIENT_IDS if environ.get(one)), None):
        query[name] = client
    with httpx.Client(trust_env=False, timeout=30) as session:  # on this machine: no proxy knows the way
        return str(session.get(url, params=query, headers=headers).raise_for_status().json()["access_token"])
