"""Recordings with sound events: STARSS, L3DAS23, simulated scenes, banks; their chunks and labels."""
