"""Games of pairs: an image or a sound is made from another one."""
