"""How wablock is reached: HTTP and nothing else."""
