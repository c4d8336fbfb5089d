"""What a scenario costs at least, for anybody who knows the future: a bound that is valid, and how it is computed."""
