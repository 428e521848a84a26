"""Games that draw pictures from captions: their discriminators judge whether a picture matches its caption."""
