"""How accurate the performance model is: fits and checks it against published measurements."""
