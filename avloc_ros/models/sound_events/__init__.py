"""Networks that tell sound events."""
