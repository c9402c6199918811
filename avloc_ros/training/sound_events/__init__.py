"""Training of what tells sound events: av_seld, CoLoC, the DCASE baseline, direction_query."""
