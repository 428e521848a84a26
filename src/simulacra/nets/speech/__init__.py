"""Networks of speech enhancement: convolutions along waves, and over log spectra."""
