"""Training of asl_unet: its masks, and its ears."""
