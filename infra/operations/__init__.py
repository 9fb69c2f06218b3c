"""What a person can ask for, one file an operation; the command line calls nothing else."""
