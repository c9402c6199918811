"""Networks of diff_track."""
