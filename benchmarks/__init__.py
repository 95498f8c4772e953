"""How fast it is, how much memory and disk it takes: one file a measurement, `python -m benchmarks` runs them all."""
