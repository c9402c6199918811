"""How talkers and rooms look: clips, portraits, backdrops, trouble of the eye."""
