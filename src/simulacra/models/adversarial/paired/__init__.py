"""Games of pairs: the condition is an observation itself, such as a noisy recording or a sketch."""
