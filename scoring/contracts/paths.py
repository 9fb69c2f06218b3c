"""The paths that the rest of the server tells apart before a router does: where vLLM answers, and whose words count."""

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
RESPONSES = "/v1/responses"
CONVERSATIONS = "/v1/conversations"
EMBEDDINGS = "/v1/embeddings"

# Answered without FastAPI in between: by vLLM, at this path of its own.
RELAYED = {CHAT: CHAT, COMPLETIONS: COMPLETIONS, "/": CHAT, "/score": CHAT}

# Azure AI Model Inference. Its clients take the scoring URI for their base, which ends in /score.
AZURES_PATHS = ("/chat/completions", "/embeddings", "/images/embeddings", "/info")
AZURES_PREFIXES = ("", "/score")
AZURES = frozenset(prefix + path for prefix in AZURES_PREFIXES for path in AZURES_PATHS)
