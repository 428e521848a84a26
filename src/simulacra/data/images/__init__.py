"""Images: files, their headers and pixels, geometry and depth."""
