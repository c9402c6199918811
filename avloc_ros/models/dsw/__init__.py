"""Networks of DSW."""
