"""The AVDIAR corpus as it lies on disk."""
