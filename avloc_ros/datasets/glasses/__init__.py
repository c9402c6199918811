"""What glasses recorded: EasyCom and simulated scenes; frames, moments of sound."""
