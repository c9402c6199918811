"""Looking at a running pipeline from outside: monitors, listeners, probes."""
