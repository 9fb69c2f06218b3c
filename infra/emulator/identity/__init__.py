"""Microsoft Entra ID, managed identities, tokens and role assignments; every service asks them who may do what."""
