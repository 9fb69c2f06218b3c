"""The checks of `doctor`, in the order in which `up` would meet the problems."""
