"""The network of asl_unet and its parts."""
