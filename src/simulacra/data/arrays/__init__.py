"""Arrays: .npy, .npz and .mat files."""
