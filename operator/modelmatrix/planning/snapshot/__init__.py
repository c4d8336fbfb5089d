"""What comes in: the observed objects as small frozen views, and the settings of one plan."""
