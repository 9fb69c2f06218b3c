"""The only folder that knows vLLM: its engine, its fronts, its arguments and where its modules live."""
