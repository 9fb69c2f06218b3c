"""What is served, by whose contract: paths, and how each API words requests, answers and errors."""
