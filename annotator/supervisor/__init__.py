"""What `annotator up` runs: the processes of one machine, started, watched and ended together. Imports no Django."""
