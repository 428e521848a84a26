"""What a model can do, as types: evaluation, pictures and commands look only at these."""
