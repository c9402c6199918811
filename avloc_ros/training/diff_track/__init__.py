"""Training of diff_track: the Hungarian network, the localizer through it, the live tracker."""
