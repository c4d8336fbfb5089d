"""One queue and one loop: when to plan, and in which order the results are carried out."""
