"""Games that draw pictures from captions: the discriminators judge whether a picture has its caption."""
