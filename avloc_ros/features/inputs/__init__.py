"""What each network is given: features of arrays, of FOA, of pictures."""
