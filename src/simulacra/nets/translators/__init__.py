"""Networks from images, waves or volumes to others, and critics of their patches."""
