"""Named data sets: where they are published, how they are downloaded, and how their files are read."""
