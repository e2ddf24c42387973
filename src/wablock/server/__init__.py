"""HTTP that wablock answers, and nothing else."""
