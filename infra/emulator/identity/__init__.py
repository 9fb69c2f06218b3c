"""Who may do what: Microsoft Entra ID, managed identities, tokens, role assignments."""
