"""Reports to look at in a browser: a job, a comparison and a trial, each one file that needs nothing else."""
