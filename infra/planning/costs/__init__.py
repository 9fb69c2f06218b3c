"""What a stack and the changes of a plan cost."""
