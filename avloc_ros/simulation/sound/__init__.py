"""How rooms and voices sound: speech, responses, sources on the move."""
