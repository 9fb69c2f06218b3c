"""What is served, by whose contract: routes, and how each API words requests, answers and errors."""
