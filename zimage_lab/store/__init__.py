"""What outlives a process: one SQLite file (queue and run records) and a folder of pictures."""
