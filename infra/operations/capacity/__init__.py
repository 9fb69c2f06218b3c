"""How much of a stack runs and what that takes: size, scale, park and wake."""
