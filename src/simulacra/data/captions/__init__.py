"""Pictures with captions: tables of captions beside a folder of pictures, and drawn shapes with theirs."""
